type Release = () => void | Promise<void>;

/**
 * Resources are released in the reverse order of their acquisition, each exactly once, and one that fails
 * does not keep the rest from being released.
 */
export class CleanupStack {
  readonly #stack: Release[] = [];

  add(release: Release): void {
    this.#stack.push(release);
  }

  /** @throws AggregateError of everything that failed. */
  async releaseAll(): Promise<void> {
    const failures: unknown[] = [];
    for (let release = this.#stack.pop(); release !== undefined; release = this.#stack.pop()) {
      try {
        await release();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) {
      throw new AggregateError(failures, 'Not everything could be released.');
    }
  }
}
