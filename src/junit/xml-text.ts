import { stripInvisible } from '../lib/text/strip-control-chars.js';

/** Characters that XML 1.0 does not allow, not even as references (section 2.2). */
const NOT_IN_XML = /[^\t\n\r -\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/** Text between tags. Invisible and bidirectional characters are left out, since people read reports. */
export function xmlText(text: string): string {
  return stripInvisible(text)
    .replace(NOT_IN_XML, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#13;');
}

/** `<name key="value"`, without its end. Undefined attributes and those of other namespaces are left out. */
export function xmlTag(name: string, attributes: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined || key.includes(':') ? [] : [` ${key}="${attributeText(value)}"`],
  );
  return `<${name.replaceAll(':', '_')}${pairs.join('')}`;
}

/** Readers would turn line feeds and tabs into spaces. */
function attributeText(text: string): string {
  return xmlText(text).replaceAll('"', '&quot;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;');
}
