import type { ReportFailure } from '../../protocol/report-data.js';
import { durationText } from '../parts/duration-text.js';
import { besideReport } from './report-rows.js';

/** The failures of a build in groups, with the ends of their outputs and links to their files. */
export function ReportFailureList({ failures }: { readonly failures: readonly ReportFailure[] }) {
  return (
    <section aria-labelledby="failures">
      <h2 id="failures">Failures</h2>
      {failures.map((failure, index) => (
        <Failure key={index} failure={failure} />
      ))}
    </section>
  );
}

function Failure({ failure }: { readonly failure: ReportFailure }) {
  const { names, num_atoms: all, outcome, seconds, slave, exit_code: exitCode, lines, folder } = failure;
  const [first = '', ...others] = names;
  const facts = [
    ...(seconds === null ? [] : [durationText(seconds)]),
    ...(slave === null ? [] : [slave]),
    ...(exitCode === null ? [] : [`exit code ${exitCode}`]),
  ];
  return (
    <article class="report-failure">
      <h3>
        <span class="tone-bad">{outcome === 'LOST' ? '? lost' : '✗ failed'}</span> <bdi>{first}</bdi>
      </h3>
      <p class="report-facts">
        <bdi>{facts.join(', ')}</bdi>
      </p>
      {lines.length === 0 ? (
        <p class="quiet">It printed nothing.</p>
      ) : (
        <pre class="report-output">{lines.join('\n')}</pre>
      )}
      {all > 1 && (
        <p>
          {all - 1} {all === 2 ? 'other ends' : 'others end'} alike: <bdi>{others.join(', ')}</bdi>
          {all > names.length && ` and ${all - names.length} more`}
        </p>
      )}
      {folder !== null && (
        <>
          <p>
            Rerun it by hand: <code>bash {folder}/clusterrunner_command</code>
          </p>
          <details>
            <summary>Files in {folder}</summary>
            <ul>
              {failure.files.map((path) => (
                <li key={path}>
                  <a href={besideReport(folder, path)}>
                    <bdi>{path}</bdi>
                  </a>
                </li>
              ))}
            </ul>
          </details>
        </>
      )}
    </article>
  );
}
