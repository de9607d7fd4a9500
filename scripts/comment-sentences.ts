/* Finds the sentences of comments, and what makes one hard to read. No file is read here. */

/** A sentence of more words is refused. */
const MAX_WORDS = 30;

/** Lines of diagrams and tables. */
const DRAWN = /[\u2190-\u21ff\u2500-\u25ff]|^\s*\|/;

/** `  label    text` in a list with two columns: the label, then the text, which continues in the lines below. */
const ROW = /^ {2,}\S.*?(?: {2,})(?=\S)/;

/** Lines that begin a text of their own: an item of a list, and a tag such as `@throws`. */
const BEGINNING = /^\s*(?:- |@[a-z]+ )/;

/** The texts of a comment (without its delimiters): paragraphs, items of lists, the right column of a list with two. */
function textsOf(comment: string): string[] {
  const texts: string[] = [''];
  let isInRow = false;
  for (const line of comment.split('\n').map((each) => each.replace(/^\s*\*+(?= |$)/, ''))) {
    const row = ROW.exec(line);
    const isAfterRows = isInRow && !line.startsWith('  ');
    if (row !== null || isAfterRows || BEGINNING.test(line) || line.trim() === '' || DRAWN.test(line)) {
      texts.push('');
      isInRow = row !== null;
    }
    if (!DRAWN.test(line)) {
      texts.push(`${texts.pop() ?? ''} ${row === null ? line : line.slice(row[0].length)}`);
    }
  }
  return texts.map((text) => text.trim()).filter((text) => text !== '');
}

/** A semicolon ends a sentence too, as do a colon before a capital letter, and the space before a tag. */
const END =
  /(?<=[.!?][)"']?)(?<!\b(?:cf|e\.g|etc|i\.e|pp?|vs)\.) |(?<=;) |(?<=:) (?=\p{Lu})| (?=@(?:param|returns|throws)\b)/u;

/** Code in backticks counts as one word. */
export function sentencesOf(comment: string): string[] {
  return textsOf(comment)
    .flatMap((text) =>
      text
        .replace(/`[^`]*`/g, 'CODE')
        .replace(/\s+/g, ' ')
        .split(END),
    )
    .map((sentence) => sentence.replace(/^- /, ''));
}

/** A noun phrase or inversion, unless it is a question: `What a slave knows.`, `Of these, the open ones.` */
const CLAUSE = /^["'(]?(?:What|Whatever|Who|Whoever|Whose|Of|That(?! is\b))\b.*[^?]$/;

export function problemOf(sentence: string): string | null {
  const words = sentence.split(' ').filter((word) => /[\p{L}\d]/u.test(word) && !/:\/\//.test(word)).length;
  if (words > MAX_WORDS) {
    return `${words} words, more than ${MAX_WORDS}`;
  }
  return CLAUSE.test(sentence) ? 'begins with a clause; put its subject first' : null;
}
