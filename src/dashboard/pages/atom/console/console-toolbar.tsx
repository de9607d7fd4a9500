import { CopyButton } from '../../../parts/controls/copy-button.js';
import { SearchField } from '../../../parts/controls/search-field.js';
import { address, setQuery } from '../../../router/location.js';
import type { LineRange } from './line-range.js';
import type { SearchProgress } from './search-progress.js';
import { searchNames } from './search-query.js';
import { searchText } from './search-text.js';
import type { SearchText } from './use-console-search.js';

interface ConsoleToolbarProps {
  readonly search: SearchText | null;
  readonly progress: SearchProgress;
  readonly currentLine: number | null;
  readonly onStep: (direction: 1 | -1) => void;
  readonly isWrapped: boolean;
  readonly onWrap: () => void;
  readonly isRunning: boolean;
  readonly isFollowing: boolean;
  readonly onFollow: () => void;
  readonly download: string | null;
  readonly selection: LineRange | null;
}

/** Search in a console, and options of its view. */
export function ConsoleToolbar(props: ConsoleToolbarProps) {
  const { search, progress, currentLine, onStep, selection } = props;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && search !== null) {
      event.preventDefault();
      onStep(event.shiftKey ? -1 : 1);
    }
  };
  const hasMatches = progress.matches.length > 0;
  return (
    <div class="console-bar">
      <search class="console-search" onKeyDown={onKeyDown}>
        <SearchField label="Search in the console" name={searchNames.text} />
        <Toggle label="Upper and lower case differ" sign="Aa" name={searchNames.isExact} />
        <Toggle label="Regular expression" sign=".*" name={searchNames.isRegex} />
        <button type="button" title="Previous match (N)" disabled={!hasMatches} onClick={() => onStep(-1)}>
          <span aria-hidden="true">↑</span>
          <span class="unseen">Previous match</span>
        </button>
        <button type="button" title="Next match (n)" disabled={!hasMatches} onClick={() => onStep(1)}>
          <span aria-hidden="true">↓</span>
          <span class="unseen">Next match</span>
        </button>
        <span role="status" class="quiet">
          {search !== null && searchText(progress, currentLine)}
        </span>
      </search>
      <div class="buttons">
        {selection !== null && <CopyButton text={address.value.href} label="Copy link to lines" />}
        {props.isRunning && (
          <button type="button" aria-pressed={props.isFollowing} onClick={props.onFollow}>
            Follow
          </button>
        )}
        <button type="button" aria-pressed={props.isWrapped} onClick={props.onWrap}>
          Wrap
        </button>
        {props.download !== null && (
          <a href={props.download} download>
            Download
          </a>
        )}
      </div>
    </div>
  );
}

interface ToggleProps {
  readonly label: string;
  readonly sign: string;
  /** The parameter of the address. */
  readonly name: string;
}

function Toggle({ label, sign, name }: ToggleProps) {
  const isOn = address.value.searchParams.has(name);
  return (
    <button
      type="button"
      title={label}
      aria-label={label}
      aria-pressed={isOn}
      onClick={() => setQuery({ [name]: isOn ? null : '1' })}
    >
      {sign}
    </button>
  );
}
