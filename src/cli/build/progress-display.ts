import { type Clock, seconds } from '../../lib/clock.js';
import type { Build } from '../../protocol/build.js';
import { fitLine, LINE_INTERVAL, progressKey, progressText } from './progress.js';

export interface ProgressDisplay {
  show(build: Build): void;
  /** A line that stays. */
  say(line: string): void;
  /** Takes the live line away, if there is one. */
  end(): void;
}

/** One live line on a terminal; elsewhere a line when something changed, at most every few seconds. */
export function progressDisplay(out: NodeJS.WriteStream, clock: Clock, quiet: boolean): ProgressDisplay {
  if (quiet) {
    return { show: ignore, say: ignore, end: ignore };
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
  let latest: Build | null = null;
  const draw = () => {
    if (latest !== null) {
      const text = progressText(latest, seconds(clock.now() - started));
      out.write(CLEAR_LINE + fitLine(text, out.columns || 80));
    }
  };
  // The time goes on between two answers, so that a person sees that it is alive.
  const timer = setInterval(draw, TICK_MS);
  timer.unref();
  return {
    show(build) {
      latest = build;
      draw();
    },
    say(line) {
      out.write(`${CLEAR_LINE}${line}\n`);
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
  return {
    show(build) {
      const now = clock.now();
      const key = progressKey(build);
      const due = seconds(now - lastTime) >= LINE_INTERVAL || build.state !== lastState;
      if (key !== lastKey && due && build.status === 'BUILDING') {
        out.write(`${progressText(build, seconds(now - started))}\n`);
        lastKey = key;
        lastState = build.state;
        lastTime = now;
      }
    },
    say(line) {
      out.write(`${line}\n`);
    },
    end: ignore,
  };
}
