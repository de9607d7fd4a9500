import type { ComponentChildren } from 'preact';
import { AtomName } from './atom-columns.js';
import type { ShownAtom } from './shown-atom.js';

/** So many atoms of a list are shown. */
const MAX_LISTED = 100;

interface AtomListProps {
  readonly title: string;
  readonly atoms: readonly ShownAtom[];
  /** Shown when the list is longer: where all of them are. */
  readonly more: ComponentChildren;
  /** Renders more about the atom with this id, behind its name. */
  readonly renderNote?: (id: ShownAtom['id']) => ComponentChildren;
}

/** Some atoms of a build by name, with the errors of those that have one; nothing when there are none. */
export function AtomList({ title, atoms, more, renderNote }: AtomListProps) {
  return atoms.length === 0 ? null : (
    <section>
      <h2>{title}</h2>
      <ul class="plain">
        {atoms.slice(0, MAX_LISTED).map((atom) => (
          <li key={atom.id}>
            <AtomName atom={atom} />
            {renderNote?.(atom.id)}
            {atom.error !== null && <span class="quiet"> {atom.error}</span>}
          </li>
        ))}
      </ul>
      {atoms.length > MAX_LISTED && <p>{more}</p>}
    </section>
  );
}
