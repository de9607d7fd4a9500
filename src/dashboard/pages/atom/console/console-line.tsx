import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { AnsiText } from '../../../parts/ansi/ansi-text.js';
import { type AnsiLine, parseAnsiLine } from '../../../parts/ansi/ansi-tokens.js';
import { hashOf } from './line-range.js';
import type { StoredLine } from './line-store.js';
import { markedParts, rangesOfText } from './marked-tokens.js';
import type { FoundMatch } from './search-progress.js';
import type { SearchText } from './use-console-search.js';

interface ConsoleLineProps {
  readonly number: number;
  /** null while it is not loaded. */
  readonly line: StoredLine | null;
  /** Whether the master does not keep it. */
  readonly isGone: boolean;
  readonly search: SearchText | null;
  readonly match: FoundMatch | null;
  readonly isCurrentMatch: boolean;
  readonly isSelected: boolean;
  readonly onSelect: (number: number, isExtended: boolean) => void;
}

/** So much of a line is shown at first: browsers take long for more. */
const SHOWN_UNITS = 4_000;

/** One line of a console. */
export function ConsoleLine(props: ConsoleLineProps) {
  const { number, line, isGone, isCurrentMatch, isSelected, onSelect } = props;
  const classes = [
    'console-line',
    ...(isSelected ? ['selected'] : []),
    ...(isCurrentMatch ? ['current'] : []),
  ];
  return (
    <div class={classes.join(' ')} data-line={number}>
      <a
        class="line-number"
        href={hashOf({ first: number, last: number })}
        tabIndex={-1}
        onClick={(event) => {
          event.preventDefault();
          onSelect(number, event.shiftKey);
        }}
      >
        {number + 1}
      </a>
      <span class="line-text">
        {line === null ? (
          <span class="quiet">{isGone ? '(kept until the atom ends)' : ''}</span>
        ) : (
          <LineText {...props} line={line} />
        )}
      </span>
    </div>
  );
}

/** A line that is shown again is parsed once. */
const parsed = new WeakMap<StoredLine, AnsiLine>();

function parsedLine(line: StoredLine): AnsiLine {
  const known = parsed.get(line) ?? parseAnsiLine(line.raw, line.styleBefore);
  parsed.set(line, known);
  return known;
}

function LineText({ line, search, match }: ConsoleLineProps & { readonly line: StoredLine }) {
  const [isWhole, setWhole] = useState(false);
  return useMemo(() => {
    const { tokens, text, overwritten } = parsedLine(line);
    const isInOverwritten = match !== null && match.column < overwritten;
    const from = isWhole || isInOverwritten ? 0 : overwritten;
    const isBeyond = match !== null && match.column + match.length > from + SHOWN_UNITS;
    const to = isWhole || isBeyond ? text.length : Math.min(text.length, from + SHOWN_UNITS);
    const showAll = () => setWhole(true);
    return (
      <>
        {from > 0 && (
          <More title="Show what the line has overwritten" onClick={showAll}>
            ⟲
          </More>
        )}
        {markedParts(tokens, { from, to, ranges: rangesIn(text, search, match) }).map((part) =>
          part.isMatch ? (
            <mark key={part.start}>
              <AnsiText tokens={part.tokens} />
            </mark>
          ) : (
            <AnsiText key={part.start} tokens={part.tokens} />
          ),
        )}
        {to < text.length && (
          <More title="Show the whole line" onClick={showAll}>
            … {(text.length - to + line.dropped).toLocaleString('en-US')} more characters
          </More>
        )}
        {to === text.length && line.dropped > 0 && (
          <span class="quiet">
            {' '}
            … {line.dropped.toLocaleString('en-US')} more characters are in the download
          </span>
        )}
      </>
    );
  }, [line, search?.text, search?.isExact, search?.isRegex, match?.column, match?.length, isWhole]);
}

/** All occurrences of a text; of an expression the one that the master found. */
function rangesIn(text: string, search: SearchText | null, match: FoundMatch | null) {
  if (search === null || match === null) {
    return [];
  }
  return search.isRegex
    ? [{ start: match.column, end: match.column + match.length }]
    : rangesOfText(text, search.text, search.isExact);
}

interface MoreProps {
  readonly title: string;
  readonly onClick: () => void;
  readonly children: ComponentChildren;
}

function More({ title, onClick, children }: MoreProps) {
  return (
    <button type="button" class="line-more" title={title} aria-label={title} onClick={onClick}>
      {children}
    </button>
  );
}
