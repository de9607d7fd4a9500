import { SECTION_LINE } from './ini-parser.js';
import { keyEntries, sectionNames, shownDefault } from './schema.js';

const WIDTH = 100;

/** The clusterrunner.conf that is written at first use: every key commented out, with its description. */
export function defaultConfText(secret: string): string {
  const parts = [
    '# Settings of ClusterRunner. Remove the # before a key to set it. The command line and the environment',
    '# (CLUSTERRUNNER_ and the name of the key in capitals) take precedence over this file.',
  ];
  for (const section of sectionNames) {
    parts.push('', `[${section}]`);
    for (const { name, fullName, key } of keyEntries.filter((entry) => entry.section === section)) {
      parts.push('', ...comment(key.doc));
      if (fullName === 'general.secret') {
        parts.push(`# ${name} =`, `${name} = ${secret}`);
      } else {
        // A default that is computed, or none, has no text to uncomment.
        parts.push('text' in key.defaultValue ? `# ${name} = ${shownDefault(key)}` : `# ${name} =`);
        parts.push(...('text' in key.defaultValue ? [] : [`#     (default: ${shownDefault(key)})`]));
      }
    }
  }
  return `${parts.join('\n')}\n`;
}

/** Adds a secret to the section [general], and the section if it is missing. */
export function withSecret(content: string, secret: string): string {
  const end = content.includes('\r\n') ? '\r\n' : '\n';
  const line = `secret = ${secret}`;
  const lines = content.split(/(?<=\n)/);
  const header = lines.findIndex((text) => SECTION_LINE.exec(text.trimEnd())?.[1]?.trim() === 'general');
  if (header === -1) {
    const gap = content === '' || content.endsWith('\n') ? '' : end;
    return `${content}${gap}[general]${end}${line}${end}`;
  }
  const before = lines.slice(0, header + 1).join('');
  const gap = before.endsWith('\n') ? '' : end;
  return `${before}${gap}${line}${end}${lines.slice(header + 1).join('')}`;
}

function comment(text: string): string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
