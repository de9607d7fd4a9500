import { type Clock, seconds } from '../../../lib/clock.js';
import { cleanLine, stripControlChars } from '../../../lib/text/strip-control-chars.js';
import type { Build } from '../../../protocol/build/build.js';
import { fetchText, fitLine } from './progress.js';
import { Watching } from './watching.js';

export interface ProgressDisplay {
  show(build: Build): void;
  /** The master has answered; `show` follows when there is news. */
  heard(): void;
  /** The master has not answered, as this sentence says. */
  missed(message: string): void;
  /** The build is being canceled; what it still does is shown as that. */
  canceling(): void;
  /** How much of the results has come; `total` is null when nobody knows. */
  fetching(bytes: number, total: number | null): void;
  /** A line that stays. */
  say(line: string): void;
  /** Takes the live line away, if there is one. */
  end(): void;
}

/**
 * One live line on a terminal; elsewhere a line when something changed, at most every few seconds, and at least once a
 * minute. Failures are told as they happen.
 */
export function progressDisplay(out: NodeJS.WriteStream, clock: Clock, quiet: boolean): ProgressDisplay {
  if (quiet) {
    return {
      show: ignore,
      heard: ignore,
      missed: ignore,
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
  const watching = new Watching(now());
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
  // The time goes on between two answers, so that a person sees that it is alive.
  const timer = setInterval(() => {
    watching.tick(now()).forEach(say);
    draw();
  }, TICK_MS);
  timer.unref();
  return {
    show(build) {
      latest = () => watching.text(now());
      watching.saw(build, now()).forEach(say);
      draw();
    },
    heard: () => watching.heard(now()).forEach(say),
    missed: (message) => watching.missed(message, now()).forEach(say),
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
  const watching = new Watching(now());
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
  // Also while nothing changes, and when no answer comes.
  const timer = setInterval(() => {
    watching.tick(now()).forEach(say);
    sayProgress();
  }, TICK_MS);
  timer.unref();
  return {
    show(build) {
      watching.saw(build, now()).forEach(say);
      sayProgress();
    },
    heard: () => watching.heard(now()).forEach(say),
    missed: (message) => watching.missed(message, now()).forEach(say),
    canceling: () => watching.canceling(),
    fetching(bytes, total) {
      // Of what is there at once nobody needs a line.
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
