import { type Clock, seconds } from '../../../lib/clock.js';
import { cleanLine, stripControlChars } from '../../../lib/text/strip-control-chars.js';
import type { Build } from '../../../protocol/build/build.js';
import { fetchText, fitLine } from './progress.js';
import { ProgressLines } from './progress-lines.js';

export interface ProgressDisplay {
  show(build: Build): void;
  /** The master has responded; `show` follows if the build has changed. */
  responded(): void;
  /** The master does not respond, for the reason in the message. */
  unreachable(message: string): void;
  /** From now on the build is shown as being canceled. */
  canceling(): void;
  /** How much of the results has arrived; `total` is null when unknown. */
  fetching(bytes: number, total: number | null): void;
  /** Prints a permanent line. */
  say(line: string): void;
  /** Removes the live line, if there is one. */
  end(): void;
}

/**
 * One live line on a terminal; elsewhere a line per change, at most every few seconds, and at least once a minute.
 * Failures are shown as they happen.
 */
export function progressDisplay(out: NodeJS.WriteStream, clock: Clock, quiet: boolean): ProgressDisplay {
  if (quiet) {
    return {
      show: ignore,
      responded: ignore,
      unreachable: ignore,
      canceling: ignore,
      fetching: ignore,
      say: ignore,
      end: ignore,
    };
  }
  return out.isTTY ? liveLine(out, clock) : lines(out, clock);
}

function ignore(): void {
  // --quiet: nothing is shown while the build runs.
}

const CLEAR_LINE = '\r\u001b[K';
const TICK_MS = 200;
const FETCH_LINE_SECONDS = 5;

function liveLine(out: NodeJS.WriteStream, clock: Clock): ProgressDisplay {
  const now = () => seconds(clock.monotonic());
  const watching = new ProgressLines(now());
  let latest: (() => string | null) | null = null;
  const draw = () => {
    const text = latest?.() ?? null;
    if (text !== null) {
      out.write(CLEAR_LINE + fitLine(cleanLine(text), out.columns || 80));
    }
  };
  const say = (line: string) => {
    out.write(`${CLEAR_LINE}${stripControlChars(line)}\n`);
    draw();
  };
  // The clock runs between two responses, so that people see that it is alive.
  const timer = setInterval(() => {
    watching.tick(now()).forEach(say);
    draw();
  }, TICK_MS);
  timer.unref();
  return {
    show(build) {
      latest = () => watching.text(now());
      watching.update(build, now()).forEach(say);
      draw();
    },
    responded: () => watching.responded(now()).forEach(say),
    unreachable: (message) => watching.unreachable(message, now()).forEach(say),
    canceling: () => watching.canceling(),
    fetching(bytes, total) {
      latest = () => fetchText(bytes, total);
    },
    say,
    end() {
      clearInterval(timer);
      if (latest !== null) {
        out.write(CLEAR_LINE);
      }
      latest = null;
    },
  };
}

function lines(out: NodeJS.WriteStream, clock: Clock): ProgressDisplay {
  const now = () => seconds(clock.monotonic());
  const watching = new ProgressLines(now());
  let fetchLine = Number.NaN;
  const say = (line: string) => {
    out.write(`${stripControlChars(line)}\n`);
  };
  const sayProgress = () => {
    const line = watching.logLine(now());
    if (line !== null) {
      say(line);
    }
  };
  // Also while nothing changes, and when the master does not respond.
  const timer = setInterval(() => {
    watching.tick(now()).forEach(say);
    sayProgress();
  }, TICK_MS);
  timer.unref();
  return {
    show(build) {
      watching.update(build, now()).forEach(say);
      sayProgress();
    },
    responded: () => watching.responded(now()).forEach(say),
    unreachable: (message) => watching.unreachable(message, now()).forEach(say),
    canceling: () => watching.canceling(),
    fetching(bytes, total) {
      // A fast download needs no line.
      fetchLine = Number.isNaN(fetchLine) ? now() : fetchLine;
      if (now() - fetchLine >= FETCH_LINE_SECONDS) {
        say(fetchText(bytes, total));
        fetchLine = now();
      }
    },
    say,
    end: () => clearInterval(timer),
  };
}
