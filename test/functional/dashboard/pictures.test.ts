import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pictures } from '../../screenshots/pictures.js';
import { MOST_BYTES, takePictures } from '../../screenshots/take-pictures.js';
import { browserOfSuite } from '../../support/browser.js';
import { repositoryRoot } from '../../support/cluster.js';

const docs = join(repositoryRoot, 'docs');
const images = join(docs, 'images');
const pages = [
  join(repositoryRoot, 'README.md'),
  ...readdirSync(docs)
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(docs, name)),
];

describe('the pictures of the documentation', () => {
  const made = pictures.map(({ name }) => `${name}.png`);

  it('are all made by the script', () => {
    const named = pages.flatMap((page) =>
      [...readFileSync(page, 'utf8').matchAll(/images\/([\w-]+\.\w+)/g)].map(([, name = '']) => name),
    );
    expect(made).to.include.members(named);
  });

  it('are in the repository, and no others', () => {
    const present = existsSync(images) ? readdirSync(images) : [];
    expect(present.sort()).to.deep.equal([...made].sort());
  });

  it('are small', () => {
    for (const name of readdirSync(images)) {
      expect(statSync(join(images, name)).size, name).to.be.at.most(MOST_BYTES);
    }
  });
});

describe('the script that makes the pictures of the documentation', () => {
  const browser = browserOfSuite();
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pictures-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('makes the same picture in each run', async () => {
    const options = { browser, pictures: pictures.slice(0, 1), days: 1 };
    await takePictures({ ...options, folder: join(folder, 'first') });
    await takePictures({ ...options, folder: join(folder, 'second') });
    const [first, second] = ['first', 'second'].map((run) => readFileSync(join(folder, run, 'builds.png')));
    expect(first?.length).to.be.above(5000);
    expect(second?.equals(first ?? Buffer.alloc(0))).to.equal(true);
  });
});
