/* Pages that are loaded together, since one leads to the other. */
export { JobPage } from './job-page.js';
export { JobsPage } from './jobs-page.js';
