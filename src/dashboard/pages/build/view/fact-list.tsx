import type { ComponentChildren } from 'preact';
import type { Build } from '../../../../protocol/build/build.js';

/** Facts of a build that its head does not have. */
export function FactList({
  build,
  children,
}: {
  readonly build: Build;
  /** More facts. */
  readonly children?: ComponentChildren;
}) {
  const { tests, request_params: request } = build;
  return (
    <section>
      <h2>Facts</h2>
      <dl class="fact-list">
        {tests !== null && (
          <Fact name="Test cases">
            {tests.tests}, {tests.failures + tests.errors} failed, {tests.skipped} skipped
          </Fact>
        )}
        {build.num_bad_reports > 0 && <Fact name="Unreadable test reports">{build.num_bad_reports}</Fact>}
        {build.num_left_out > 0 && <Fact name="Incomplete files in the results">{build.num_left_out}</Fact>}
        {request.url !== undefined && (
          <Fact name="Repository">
            <bdi>{request.url}</bdi>
          </Fact>
        )}
        {request.project_directory !== undefined && (
          <Fact name="Folder">
            <bdi>{request.project_directory}</bdi>
          </Fact>
        )}
        {build.revision !== null && (
          <Fact name="Commit">
            <code>{build.revision.commit}</code>
          </Fact>
        )}
        {build.affected != null && build.affected.num_unaffected > 0 && (
          <Fact name="Atoms not run">
            {build.affected.num_unaffected}, which the changed files do not affect
          </Fact>
        )}
        {build.num_subjobs !== null && <Fact name="Subjobs">{build.num_subjobs}</Fact>}
        {children}
      </dl>
    </section>
  );
}

/** One line of a list of facts. */
export function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Why a build ended without a verdict; nothing when it has one. */
export function EndNote({ build }: { readonly build: Build }) {
  const { error_message: error } = build;
  return error === null ? null : <p class={build.state === 'CANCELED' ? 'note' : 'problem'}>{error}</p>;
}
