import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import type { BenchOptions } from './options.js';

export type Cell = string | number | null;
/** One value for each column, by the column's name; the unit is part of the name. */
export type Row = Readonly<Record<string, Cell>>;

interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
}

/**
 * The measurements of a bench: tables on stdout for people, and JSON for programs if a file was named:
 * `{bench, quick, rounds, machine: {cpu, cores, node}, tables: [{title, rows: [{column: value}]}]}`.
 */
export class Report {
  readonly #name: string;
  readonly #options: BenchOptions;
  readonly #tables: Table[] = [];
  readonly #machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    node: process.version,
  };

  constructor(name: string, options: BenchOptions) {
    this.#name = name;
    this.#options = options;
    const { cpu, cores, node } = this.#machine;
    process.stdout.write(`${name}: ${cpu}, ${cores} cores, Node ${node}\n`);
  }

  /** Prints the table at once, so that an interrupted bench has shown its measurements so far. */
  table(title: string, rows: readonly Row[]): void {
    this.#tables.push({ title, rows });
    process.stdout.write(`\n${title}\n${textOf(rows)}`);
  }

  /** Writes the JSON. */
  end(): void {
    const { json, quick, rounds } = this.#options;
    if (json !== null) {
      const report = { bench: this.#name, quick, rounds, machine: this.#machine, tables: this.#tables };
      writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
    }
  }
}

/** Texts to the left, numbers to the right. */
function textOf(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [
    columns.map((column) => ({
      text: column,
      isNumber: rows.some((row) => typeof row[column] === 'number'),
    })),
    ...rows.map((row) =>
      columns.map((column) => ({
        text: String(row[column] ?? '-'),
        isNumber: typeof row[column] !== 'string',
      })),
    ),
  ];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]?.text.length ?? 0)));
  const print = (line: (typeof lines)[number]) =>
    line
      .map(({ text, isNumber }, at) =>
        isNumber ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return `${lines.map(print).join('\n')}\n`;
}
