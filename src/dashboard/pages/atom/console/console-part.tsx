import { useEffect, useRef, useState } from 'preact/hooks';
import { useShortcuts } from '../../../parts/keys/shortcuts.js';
import { Empty, Loading, ProblemNotice } from '../../../parts/page/notices.js';
import type { ScrollGoal } from '../../../parts/table/scroll-place.js';
import { countText } from '../../../parts/text/count-text.js';
import { address, navigate } from '../../../router/location.js';
import { ConsoleToolbar } from './console-toolbar.js';
import { ConsoleView } from './console-view.js';
import { hashOf, lineRangeOf, selectedRange } from './line-range.js';
import { nextMatch } from './search-progress.js';
import { searchIn } from './search-query.js';
import { type ConsoleSubject, useConsoleLines } from './use-console-lines.js';
import { useConsoleSearch } from './use-console-search.js';

interface ConsolePartProps extends ConsoleSubject {
  /** Where the whole console can be downloaded; null before it can. */
  readonly download: string | null;
  /** In the place of an empty console. */
  readonly emptyTitle: string;
}

const WRAP_KEY = 'clusterrunner-wrap';
const LINE_PIXELS = 18;

/** The console of an atom: search, options, and the lines. */
export function ConsolePart({ download, emptyTitle, ...subject }: ConsolePartProps) {
  const { searchParams, hash } = address.value;
  const selection = lineRangeOf(hash);
  const search = searchIn(searchParams);
  const lines = useConsoleLines(subject);
  const total = lines.store.total ?? 0;
  const { progress, problem: searchProblem, more } = useConsoleSearch(subject, search, total);
  const [isWrapped, setWrapped] = useState(storedWrap);
  const [isFollowing, setFollowing] = useState(subject.isRunning && selection === null);
  const [goal, setGoal] = useState<ScrollGoal | null>(selection === null ? { end: true } : null);
  const [currentLine, setCurrentLine] = useState<number | null>(null);
  const top = useRef(0);

  // The lines that the address names, also when somebody follows a link to others.
  useEffect(() => {
    if (selection !== null) {
      setFollowing(false);
      setGoal({ row: selection.first, align: 'middle' });
    }
  }, [hash]);

  const goTo = (line: number) => {
    setFollowing(false);
    setGoal({ row: line, align: 'middle' });
  };
  const step = (direction: 1 | -1) => {
    const isMatch = currentLine !== null;
    const place = nextMatch(progress.matches, { line: currentLine ?? top.current, isMatch, direction });
    const match = place === null ? undefined : progress.matches[place];
    if (place === progress.matches.length - 1) {
      more();
    }
    if (match !== undefined) {
      setCurrentLine(match.line);
      goTo(match.line);
    }
  };
  const searchKey = JSON.stringify(search);
  // The first match is shown when the search has come beyond the visible lines, or to its end.
  const awaitsMatch = useRef(false);
  useEffect(() => {
    awaitsMatch.current = search !== null;
    setCurrentLine(null);
  }, [searchKey]);
  useEffect(() => {
    const hasPassed = progress.isDone || (progress.matches.at(-1)?.line ?? -1) >= top.current;
    if (awaitsMatch.current && progress.matches.length > 0 && hasPassed) {
      awaitsMatch.current = false;
      step(1);
    }
  }, [progress]);

  const wrap = () => {
    setWrapped(!isWrapped);
    storeWrap(!isWrapped);
  };
  const goToEnd = () => {
    setFollowing(subject.isRunning);
    setGoal({ end: true });
  };
  const follow = () => (isFollowing ? setFollowing(false) : goToEnd());
  const scroll = (pixels: number) => {
    setFollowing(false);
    setGoal({ pixels });
  };
  useShortcuts([
    { keys: '/', label: 'Search in the console', run: focusSearch },
    { keys: 'n', label: 'Next match', run: () => step(1) },
    { keys: 'N', label: 'Previous match', run: () => step(-1) },
    { keys: 'g g', label: 'First line', run: () => scrollToStart() },
    { keys: 'G', label: 'Last line', run: goToEnd },
    { keys: 'j', label: 'Down', run: () => scroll(LINE_PIXELS) },
    { keys: 'k', label: 'Up', run: () => scroll(-LINE_PIXELS) },
    { keys: 'w', label: 'Wrap long lines', run: wrap },
    { keys: 'f', label: 'Follow the end', run: follow },
  ]);
  const scrollToStart = () => {
    setFollowing(false);
    setGoal({ row: 0, align: 'top' });
  };

  const select = (number: number, isExtended: boolean) => {
    const path = address.value.pathname + address.value.search;
    navigate(path + hashOf(selectedRange(lineRangeOf(address.value.hash), number, isExtended)), {
      replace: true,
    });
  };

  return (
    <>
      <ConsoleToolbar
        search={search}
        progress={progress}
        currentLine={currentLine}
        onStep={step}
        isWrapped={isWrapped}
        onWrap={wrap}
        isRunning={subject.isRunning}
        isFollowing={isFollowing}
        onFollow={follow}
        download={download}
        selection={selection}
      />
      <ProblemNotice problem={searchProblem ?? lines.problem} />
      {lines.store.total === null && lines.problem === null && <Loading />}
      {total > 0 && selection !== null && selection.first >= total && (
        <p class="note" role="status">
          The console has only {countText(total, 'line')}
          {subject.isRunning && ' so far'}.
        </p>
      )}
      {lines.store.total === 0 && <Empty title={emptyTitle} />}
      {total > 0 && (
        <ConsoleView
          lines={lines}
          goal={goal}
          isWrapped={isWrapped}
          isFollowing={isFollowing}
          // When the atom ends, its last lines are yet to come: who follows still wants them.
          onFollow={(reachesEnd) => setFollowing(reachesEnd && (isFollowing || subject.isRunning))}
          onTop={(line) => {
            top.current = line;
          }}
          search={search}
          matches={progress.matches}
          currentLine={currentLine}
          selection={selection}
          onSelect={select}
        />
      )}
    </>
  );
}

function focusSearch(): void {
  document.querySelector<HTMLInputElement>('.console-bar input[type=search]')?.select();
}

function storedWrap(): boolean {
  try {
    return window.localStorage.getItem(WRAP_KEY) === 'true';
  } catch {
    return false;
  }
}

function storeWrap(isWrapped: boolean): void {
  try {
    window.localStorage.setItem(WRAP_KEY, String(isWrapped));
  } catch {
    // A browser that stores nothing for this page forgets the choice.
  }
}
