import type { TabProps } from './build-tab.js';

/** The failed atoms of a build. */
export function FailuresPart({ build }: TabProps) {
  const failed = build.failed_atoms ?? [];
  if (failed.length === 0) {
    return null;
  }
  return (
    <section aria-labelledby="failures">
      <h2 id="failures">Failures</h2>
      <ul>
        {failed.map(({ id, command_string }) => (
          <li key={id}>
            <a href={`/ui/build/${build.id}/atom/${id}`}>
              <bdi>{command_string}</bdi>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
