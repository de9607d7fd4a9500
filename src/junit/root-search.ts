const ROOT = /<(?:[\w.-]+:)?testsuites?[\s/>]/;
/** A tag that is cut between two pieces of text must be found too. */
const OVERLAP = 200;

/** Looks for the tag with which a report of tests begins in text that no parser of XML takes. */
export class RootSearch {
  #end = '';
  #isFound = false;

  get isFound(): boolean {
    return this.#isFound;
  }

  push(text: string): void {
    if (!this.#isFound) {
      // Read in the wrong one of two encodings, a tag has NUL characters in it.
      const all = this.#end + text.replaceAll('\0', '');
      this.#isFound = ROOT.test(all);
      this.#end = all.slice(-OVERLAP);
    }
  }
}
