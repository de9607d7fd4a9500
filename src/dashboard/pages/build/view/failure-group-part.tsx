import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { FailureGroup } from '../../../../protocol/build/failure-group.js';
import { AnsiBlock } from '../../../parts/ansi/ansi-text.js';
import { lastText } from '../../../parts/ansi/ansi-tokens.js';
import { CopyButton } from '../../../parts/controls/copy-button.js';
import { DataTable } from '../../../parts/table/data-table.js';
import { countText } from '../../../parts/text/count-text.js';
import { failureColumns } from './atom-columns.js';
import type { ShownAtom } from './shown-atom.js';

export interface ShownGroup extends Pick<FailureGroup, 'key' | 'num_atoms'> {
  readonly sample_lines: readonly string[];
  /** The first few. */
  readonly atoms: readonly ShownAtom[];
}

interface FailureGroupProps {
  readonly group: ShownGroup;
  /** Whether its lines are shown at first. */
  readonly isOpen: boolean;
  /** Renders a table of all its atoms. */
  readonly renderAll: () => ComponentChildren;
  /** Below the lines. */
  readonly children?: ComponentChildren;
}

/** Failed atoms whose outputs end alike: how they end, and the atoms. */
export function FailureGroupPart({ group, isOpen, renderAll, children }: FailureGroupProps) {
  const [isWhole, setWhole] = useState(false);
  const { key, num_atoms: number, sample_lines: lines, atoms } = group;
  const [first] = atoms;
  return (
    <details class="failure-group" open={isOpen}>
      <summary>
        <span class="tone-bad" aria-hidden="true">
          ✗
        </span>{' '}
        {countText(number, 'atom')}
        {': '}
        <bdi>{summaryOf(group)}</bdi>
      </summary>
      {lines.length > 0 && <AnsiBlock lines={lines} />}
      {key === 'lost' && first?.error != null && <p class="note">{first.error}</p>}
      {children}
      {isWhole ? (
        renderAll()
      ) : (
        <DataTable caption="Failed atoms" columns={failureColumns} rows={atoms} keyOf={({ id }) => id} />
      )}
      {number > atoms.length && (
        <button type="button" onClick={() => setWhole(!isWhole)}>
          {isWhole ? 'Show the first ones only' : `Show all ${number.toLocaleString('en-US')}`}
        </button>
      )}
    </details>
  );
}

const without: Readonly<Record<string, string>> = {
  silent: 'printed nothing',
  lost: 'lost with their slaves',
  other: 'failed in other ways',
  rest: 'not compared with the others',
  unknown: 'output not known',
};

/** One line about how the atoms of a group failed. */
function summaryOf({ key, sample_lines: lines }: ShownGroup): string {
  return without[key] ?? lastText(lines);
}

/** `5 failures in 2 groups`. */
export function failuresTitle(failures: number, groups: number | null): string {
  const within = groups !== null && groups > 1 ? ` in ${groups} groups` : '';
  return `${countText(failures, 'failure')}${within}`;
}

/** A command that runs something again. */
export function RerunLine({ label, command }: { readonly label: string; readonly command: string }) {
  return (
    <p class="rerun">
      {label} <code>{command}</code> <CopyButton text={command} label="Copy the command" />
    </p>
  );
}
