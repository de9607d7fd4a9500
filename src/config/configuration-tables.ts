import { keyEntries, sectionNames, shownDefault } from './schema.js';

/** The tables of docs/configuration.md: every key with its default, type, environment variable, option and description. */
export function configurationTables(): string {
  return sectionNames
    .map((section) => {
      const rows = keyEntries
        .filter((entry) => entry.section === section)
        .map(({ name, key, env }) =>
          [
            code(name),
            'text' in key.defaultValue ? code(shownDefault(key)) : shownDefault(key),
            key.type.expected,
            env.map(code).join(' or '),
            key.flag === undefined ? '' : key.flag.split(', ').map(code).join(', '),
            key.doc,
          ].join(' | '),
        );
      return [
        `### [${section}]`,
        '',
        '| key | default | value | environment | option | meaning |',
        '| --- | --- | --- | --- | --- | --- |',
        ...rows.map((row) => `| ${row.replace(/ {2}/g, ' ')} |`),
      ].join('\n');
    })
    .join('\n\n');
}

function code(word: string): string {
  return `\`${word}\``;
}
