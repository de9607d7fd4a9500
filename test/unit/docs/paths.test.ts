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

    it(`${page} links to files that are there`, () => {
      const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
      const broken = links
        .filter((link) => !/^[a-z]+:/.test(link))
        .filter((link) => !existsSync(join(root, dirname(page), link)));
      expect(broken).to.deep.equal([]);
    });

    it(`${page} names sources that are there`, () => {
      const named = [...text.matchAll(/`((?:[\w-]+\/)+[\w.-]+\.ts)`/g)].map(([, path = '']) => path);
      const missing = named.filter(
        (path) => !['', 'src'].some((below) => existsSync(join(root, below, path))),
      );
      expect(missing).to.deep.equal([]);
    });

    it(`${page} names folders of sources that are there`, () => {
      const named = [...text.matchAll(/`((?:src|test|bench|scripts)\/(?:[\w-]+\/)*)`/g)].map(
        ([, path = '']) => path,
      );
      expect(named.filter((path) => !existsSync(join(root, path)))).to.deep.equal([]);
    });
  }
});
