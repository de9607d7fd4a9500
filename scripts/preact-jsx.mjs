// The functions that markup of the dashboard compiles to, for esbuild to add to the page.
export { Fragment, h } from 'preact';
