import { type Clock, seconds } from '../../lib/clock.js';
import { printable, printableLine } from '../../lib/printable.js';
import type { Build } from '../../protocol/build.js';
import { fetchText, fitLine, LINE_INTERVAL, progressKey, progressText } from './progress.js';

export interface ProgressDisplay {
  show(build: Build): void;
  /** How much of the results has come; `total` is null when nobody knows. */
  fetching(bytes: number, total: number | null): void;
  /** A line that stays. */
  say(line: string): void;
  /** Takes the live line away, if there is one. */
  end(): void;
}

/** One live line on a terminal; elsewhere a line when something changed, at most every few seconds. */
export function progressDisplay(out: NodeJS.WriteStream, clock: Clock, quiet: boolean): ProgressDisplay {
  if (quiet) {
    return { show: ignore, fetching: ignore, say: ignore, end: ignore };
  }
  return out.isTTY ? liveLine(out, clock) : lines(out, clock);
}

function ignore(): void {
  // --quiet: nothing is shown while the build runs.
}

const CLEAR_LINE = '\r\u001b[K';
const TICK_MS = 200;

function liveLine(out: NodeJS.WriteStream, clock: Clock): ProgressDisplay {
  const started = clock.now();
  let latest: (() => string) | null = null;
  const draw = () => {
    if (latest !== null) {
      out.write(CLEAR_LINE + fitLine(printableLine(latest()), out.columns || 80));
    }
  };
  // The time goes on between two answers, so that a person sees that it is alive.
  const timer = setInterval(draw, TICK_MS);
  timer.unref();
  return {
    show(build) {
      latest = () => progressText(build, seconds(clock.now() - started));
      draw();
    },
    fetching(bytes, total) {
      latest = () => fetchText(bytes, total);
    },
    say(line) {
      out.write(`${CLEAR_LINE}${printable(line)}\n`);
      draw();
    },
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
  const started = clock.now();
  let lastKey = '';
  let lastState = '';
  let lastTime = Number.NEGATIVE_INFINITY;
  let fetchLine = Number.NaN;
  return {
    show(build) {
      const now = clock.now();
      const key = progressKey(build);
      const due = seconds(now - lastTime) >= LINE_INTERVAL || build.state !== lastState;
      if (key !== lastKey && due && build.status === 'BUILDING') {
        out.write(`${printable(progressText(build, seconds(now - started)))}\n`);
        lastKey = key;
        lastState = build.state;
        lastTime = now;
      }
    },
    fetching(bytes, total) {
      const now = clock.now();
      // Of what is there at once nobody needs a line.
      fetchLine = Number.isNaN(fetchLine) ? now : fetchLine;
      if (seconds(now - fetchLine) >= LINE_INTERVAL) {
        out.write(`${fetchText(bytes, total)}\n`);
        fetchLine = now;
      }
    },
    say(line) {
      out.write(`${printable(line)}\n`);
    },
    end: ignore,
  };
}
