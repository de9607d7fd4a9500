import { expect } from 'chai';
import { problemOf, sentencesOf } from '../../../scripts/comment-sentences.js';

describe('sentencesOf', () => {
  it('joins the lines of a paragraph and splits it where a sentence ends', () => {
    expect(
      sentencesOf(
        '*\n * A lease ends\n * early; it is returned. See `a. B` and README.md: It\n * says (p. 3) why.\n ',
      ),
    ).to.deep.equal([
      'A lease ends early;',
      'it is returned.',
      'See CODE and README.md:',
      'It says (p. 3) why.',
    ]);
  });

  it('takes paragraphs, items of lists and tags for sentences of their own, without a full stop too', () => {
    expect(
      sentencesOf(
        ' A table\n\n - one\n   of two\n - two\n @throws Error when\n it is full. null is fine (e.g. here). @returns it',
      ),
    ).to.deep.equal([
      'A table',
      'one of two',
      'two',
      '@throws Error when it is full.',
      'null is fine (e.g. here).',
      '@returns it',
    ]);
  });

  it('leaves out diagrams, tables, and the labels of a list with two columns', () => {
    const comment = `
 * queued ──► done
 *    └────────┘
 * | id | from |
 *   held      Nothing is
 *             there
 *   assigned  Work is there
 * after`;
    expect(sentencesOf(comment)).to.deep.equal(['Nothing is there', 'Work is there', 'after']);
  });
});

describe('problemOf a sentence of a comment', () => {
  it('refuses more than 30 words, and counts no punctuation and no URL', () => {
    const thirty = 'word '.repeat(30);
    expect(problemOf(`${thirty}- https://example.com/ …`)).to.equal(null);
    expect(problemOf(`${thirty}more`)).to.equal('31 words, more than 30');
  });

  it('refuses a clause in place of a subject, but no question', () => {
    expect(problemOf('What a slave knows.')).to.match(/clause/);
    expect(problemOf('(Of these, the open ones.')).to.match(/clause/);
    expect(problemOf('What does a slave know?')).to.equal(null);
    expect(problemOf('That is why.')).to.equal(null);
    expect(problemOf('Office hours.')).to.equal(null);
  });
});
