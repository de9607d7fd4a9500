import type { Build } from '../../../../protocol/build/build.js';
import { pathTo } from '../../../router/page-paths.js';
import { isAtomId } from './atom-names.js';
import type { SummarySentence } from './summary-words.js';

interface SummaryPartProps {
  readonly build: Build;
  readonly sentences: readonly SummarySentence[];
  readonly nameOf: (id: number) => string;
}

/** Why the build took so long, in words. */
export function SummaryPart({ build, sentences, nameOf }: SummaryPartProps) {
  return (
    <ul class="timeline-summary">
      {sentences.map(({ about, isFinding, parts }) => (
        <li key={about} class={isFinding ? 'tone-warn' : ''}>
          {parts.map((part) =>
            typeof part === 'string' ? (
              part
            ) : (
              <AtomLink key="atom" build={build} id={part.atom} name={nameOf(part.atom)} />
            ),
          )}
        </li>
      ))}
    </ul>
  );
}

interface AtomLinkProps {
  readonly build: Build;
  readonly id: number;
  readonly name: string;
}

export function AtomLink({ build, id, name }: AtomLinkProps) {
  return isAtomId(id) ? (
    <a href={pathTo({ page: 'atom', buildId: build.id, atomId: id })} data-row>
      <bdi>{name}</bdi>
    </a>
  ) : null;
}
