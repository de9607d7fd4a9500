type Release = () => void | Promise<void>;

/**
 * Releases resources in the reverse order of their acquisition, each exactly once. A failure does not keep the rest from
 * being released.
 */
export class CleanupStack {
  readonly #stack: Release[] = [];

  add(release: Release): void {
    this.#stack.push(release);
  }

  /** @throws AggregateError of all failures */
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
