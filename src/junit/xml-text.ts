import { stripInvisible } from '../lib/text/strip-control-chars.js';

/** Not all characters may stand in XML 1.0, not even as references (section 2.2). */
const NOT_IN_XML = /[^\t\n\r -\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/** Between tags. Invisible and bidirectional characters are left out: people read reports. */
export function xmlText(text: string): string {
  return stripInvisible(text)
    .replace(NOT_IN_XML, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#13;');
}

/** `<name key="value"`, yet to be closed. What is undefined is left out, and so are names of other namespaces. */
export function xmlTag(name: string, attributes: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined || key.includes(':') ? [] : [` ${key}="${attributeText(value)}"`],
  );
  return `<${name.replaceAll(':', '_')}${pairs.join('')}`;
}

/** A reader would make spaces of line ends. */
function attributeText(text: string): string {
  return xmlText(text).replaceAll('"', '&quot;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;');
}
