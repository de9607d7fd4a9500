import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'oxc-parser';
import { findPackageJSON } from '../src/lib/package-json.js';
import { problemOf, sentencesOf } from './comment-sentences.js';

/* Refuses comments with sentences that are long, or that begin with a clause such as "What the slave has". */

const root = dirname(fileURLToPath(new URL(`file://${findPackageJSON(import.meta.url)}`)));

/** A comment without its delimiters; line comments below each other are one. */
interface Comment {
  readonly line: number;
  readonly end: number;
  readonly text: string;
  readonly type: 'Line' | 'Block';
}

function commentsOf(file: string, source: string): Comment[] {
  const comments: Comment[] = [];
  for (const { type, value, start, end } of parseSync(file, source).comments) {
    const before = comments.at(-1);
    if (type === 'Line' && before?.type === 'Line' && /^\n[ \t]*$/.test(source.slice(before.end, start))) {
      comments.splice(-1, 1, { ...before, end, text: `${before.text}\n${value}` });
    } else {
      comments.push({ line: source.slice(0, start).split('\n').length, end, text: value, type });
    }
  }
  return comments;
}

const files = ['src', 'test', 'bench', 'scripts', 'workers'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[cm]?[jt]sx?$/.test(name))
    .map((name) => join(root, folder, name)),
);
let sentences = 0;
let refused = 0;
for (const file of files) {
  for (const { line, text } of commentsOf(file, readFileSync(file, 'utf8'))) {
    for (const sentence of sentencesOf(text)) {
      sentences += 1;
      const problem = problemOf(sentence);
      if (problem !== null) {
        refused += 1;
        process.stderr.write(`${relative(root, file)}:${line}: ${problem}: ${sentence}\n`);
      }
    }
  }
}
process.stdout.write(`${sentences} sentences in comments, ${refused} refused.\n`);
process.exitCode = refused === 0 ? 0 : 1;
