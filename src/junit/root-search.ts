const ROOT = /<(?:[\w.-]+:)?testsuites?[\s/>]/;
/** For a tag that is cut between two pieces. */
const OVERLAP = 200;

/** Searches for the root tag of a JUnit report in text that is not valid XML. */
export class RootSearch {
  #end = '';
  #isFound = false;

  get isFound(): boolean {
    return this.#isFound;
  }

  push(text: string): void {
    if (!this.#isFound) {
      // UTF-16 that is decoded as UTF-8 has NUL characters in its tags.
      const all = this.#end + text.replaceAll('\0', '');
      this.#isFound = ROOT.test(all);
      this.#end = all.slice(-OVERLAP);
    }
  }
}
