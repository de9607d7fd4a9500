import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { findPackageJSON } from '../../../src/lib/package-json.js';

const root = dirname(findPackageJSON(import.meta.url));
const pages = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

describe('a page of the documentation', () => {
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8');

    it(`${page} links to existing files`, () => {
      const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
      const broken = links
        .filter((link) => !/^[a-z]+:/.test(link))
        .filter((link) => !existsSync(join(root, dirname(page), link)));
      expect(broken).to.deep.equal([]);
    });

    it(`${page} names existing sources`, () => {
      const named = [...text.matchAll(/`((?:[\w-]+\/)+[\w.-]+\.ts)`/g)].map(([, path = '']) => path);
      const missing = named.filter(
        (path) => !['', 'src'].some((below) => existsSync(join(root, below, path))),
      );
      expect(missing).to.deep.equal([]);
    });

    it(`${page} names existing folders of sources`, () => {
      const named = [...text.matchAll(/`((?:src|test|bench|scripts)\/(?:[\w-]+\/)*)`/g)].map(
        ([, path = '']) => path,
      );
      expect(named.filter((path) => !existsSync(join(root, path)))).to.deep.equal([]);
    });
  }
});

describe('README.md', () => {
  it('links every page of docs, and architecture.md every decision', () => {
    const linksOf = (page: string) =>
      [...readFileSync(join(root, page), 'utf8').matchAll(/\]\(([^)#]+)/g)].map(([, link = '']) => link);
    const markdownIn = (folder: string) =>
      readdirSync(join(root, folder)).filter((name) => name.endsWith('.md'));
    expect(linksOf('README.md')).to.include.members(markdownIn('docs').map((name) => `docs/${name}`));
    expect(linksOf('docs/architecture.md')).to.include.members(
      markdownIn('docs/decisions').map((name) => `decisions/${name}`),
    );
  });
});

describe('cspell-words.txt', () => {
  it('is sorted, one word a line', () => {
    const words = readFileSync(join(root, 'cspell-words.txt'), 'utf8').trimEnd().split('\n');
    const key = (word: string) => word.toUpperCase();
    expect(words).to.deep.equal([...new Set(words)].sort((a, b) => (key(a) < key(b) ? -1 : 1)));
  });
});
