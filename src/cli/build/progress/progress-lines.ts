import type { Build } from '../../../protocol/build/build.js';
import { choiceLine } from '../../text/choice-line.js';
import { describeRevision } from '../../text/revision-text.js';
import { AwayNotice } from './away-notice.js';
import { type Age, failureLines, lineInterval, progressKey, progressText } from './progress.js';

/** The longest time between two lines about a running build, in seconds. */
const HEARTBEAT_SECONDS = 60;

/**
 * The text about a running build. Each call returns the permanent lines; all times are in seconds of a monotonic clock.
 */
export class ProgressLines {
  readonly #started: number;
  readonly #away = new AwayNotice();
  #build: Build | null = null;
  #respondedAt = 0;
  #estimated = 0;
  #isRevisionSaid = false;
  #isChoiceSaid = false;
  #isCanceling = false;
  #failuresKnown = 0;
  #lastLine: { readonly at: number; readonly key: string; readonly state: string } | null = null;

  constructor(started: number) {
    this.#started = started;
  }

  /** To be called with the build of each response. */
  update(build: Build, now: number): string[] {
    if (build.seconds_left !== this.#build?.seconds_left) {
      this.#estimated = now;
    }
    this.#respondedAt = now;
    this.#build = build;
    const lines = this.responded(now);
    if (build.revision !== null && !this.#isRevisionSaid) {
      this.#isRevisionSaid = true;
      lines.push(`Build ${build.id} tests ${describeRevision(build.revision)}`);
    }
    const choice = this.#isChoiceSaid ? null : choiceLine(build);
    if (choice !== null) {
      this.#isChoiceSaid = true;
      lines.push(choice);
    }
    // An older master does not send it.
    if (build.activity !== null && build.activity !== undefined) {
      const news = failureLines(build.activity, this.#failuresKnown);
      this.#failuresKnown = news.known;
      lines.push(...news.lines);
    }
    return lines;
  }

  /** The master has responded, perhaps that nothing has changed. */
  responded(now: number): string[] {
    return this.#away.responded(now);
  }

  /** The master does not respond. */
  unreachable(message: string, now: number): string[] {
    return this.#away.failed(message, now);
  }

  /** From now on the build is shown as being canceled. */
  canceling(): void {
    this.#isCanceling = true;
  }

  tick(now: number): string[] {
    return this.#away.tick(now);
  }

  /** The live line; null before the first response, and when the build has ended. */
  text(now: number): string | null {
    const build = this.#build;
    if (build === null || build.status !== 'BUILDING') {
      return null;
    }
    return progressText(build, now - this.#started, this.#age(now), this.#isCanceling);
  }

  /** The line of progress for a log; null when it is not time for one. */
  logLine(now: number): string | null {
    const text = this.text(now);
    const build = this.#build;
    if (text === null || build === null || this.#away.isAway) {
      return null;
    }
    const key = progressKey(build, this.#age(now));
    const last = this.#lastLine;
    const passed = last === null ? Infinity : now - last.at;
    const isNews = last?.state !== build.state;
    const isDue = key !== last?.key && passed >= lineInterval(now - this.#started);
    if (!isNews && !isDue && passed < HEARTBEAT_SECONDS) {
      return null;
    }
    this.#lastLine = { at: now, key, state: build.state };
    return text;
  }

  #age(now: number): Age {
    return { response: now - this.#respondedAt, estimate: now - this.#estimated };
  }
}
