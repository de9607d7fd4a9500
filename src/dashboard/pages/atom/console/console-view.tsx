import { useEffect } from 'preact/hooks';
import { indexesFrom, type ScrollGoal } from '../../../parts/table/scroll-place.js';
import { useVirtualList } from '../../../parts/table/use-virtual-list.js';
import { ConsoleLine } from './console-line.js';
import type { LineRange } from './line-range.js';
import { type FoundMatch, matchIn } from './search-progress.js';
import type { LoadedConsole } from './use-console-lines.js';
import type { SearchText } from './use-console-search.js';

interface ConsoleViewProps {
  readonly lines: LoadedConsole;
  readonly goal: ScrollGoal | null;
  readonly isWrapped: boolean;
  readonly isFollowing: boolean;
  /** Somebody has scrolled away from the end, or to it. */
  readonly onFollow: (isFollowing: boolean) => void;
  /** Called with the first visible line. */
  readonly onTop: (line: number) => void;
  readonly search: SearchText | null;
  readonly matches: readonly FoundMatch[];
  readonly currentLine: number | null;
  readonly selection: LineRange | null;
  readonly onSelect: (number: number, isExtended: boolean) => void;
}

/** Pixels, as in `console.css`. */
const LINE_HEIGHT = 18;

/** The lines of a console in a window of their own. */
export function ConsoleView(props: ConsoleViewProps) {
  const { lines, goal, isWrapped, isFollowing, selection } = props;
  const total = lines.store.total ?? 0;
  const { box, rows, first, last, top, start, height } = useVirtualList<HTMLElement, HTMLDivElement>({
    count: total,
    rowHeight: LINE_HEIGHT,
    isMeasured: isWrapped,
    isFollowing,
    goal,
    onScrolled: (isAtEnd) => {
      if (isAtEnd !== isFollowing) {
        props.onFollow(isAtEnd);
      }
    },
  });
  useEffect(() => lines.want(first, last), [first, last, lines.store, lines.want]);
  useEffect(() => props.onTop(top), [top]);
  useEffect(() => {
    // A region that scrolls must be reachable by keys.
    box.current?.setAttribute('tabindex', '0');
  }, []);
  const numberWidth = `${Math.max(3, String(total).length)}ch`;
  return (
    <section ref={box} class={isWrapped ? 'console wrapped' : 'console'} aria-label="Console">
      <div class="console-lines" style={{ height: `${height}px`, '--number-width': numberWidth }}>
        <div ref={rows} style={{ top: `${start}px` }}>
          {indexesFrom(first, last).map((number) => (
            <ConsoleLine
              key={number}
              number={number}
              line={lines.store.line(number)}
              isGone={number < lines.store.firstKept}
              search={props.search}
              match={props.search === null ? null : matchIn(props.matches, number)}
              isCurrentMatch={number === props.currentLine}
              isSelected={selection !== null && number >= selection.first && number <= selection.last}
              onSelect={props.onSelect}
            />
          ))}
        </div>
      </div>
    </section>
  );
}
