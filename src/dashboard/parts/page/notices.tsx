import type { ComponentChildren } from 'preact';
import type { ApiProblem } from '../../api/api-problem.js';

/** While something is loaded for the first time. */
export function Loading() {
  return (
    <p class="loading" role="status">
      Loading…
    </p>
  );
}

/** A call that failed. The banner of the page says when the master is away. */
export function ProblemNotice({ problem }: { readonly problem: ApiProblem | null }) {
  if (problem === null || problem.code === 'AWAY') {
    return null;
  }
  return (
    <p class="problem" role="alert">
      {problem.message}
    </p>
  );
}

/** In the place of a list without entries: why it is empty and what to do. */
export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}
