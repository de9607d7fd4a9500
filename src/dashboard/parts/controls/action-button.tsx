import type { ComponentChildren } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';
import { ApiProblem } from '../../api/api-problem.js';
import { loadSession, signInPath } from '../../api/browser-session.js';

interface ActionButtonProps {
  /** A verb with its object: "Cancel the build". */
  readonly label: string;
  /** Names the build or slave that is changed, for the title of the question. */
  readonly subject: ComponentChildren;
  /** The effect, for the question before it happens. */
  readonly children: ComponentChildren;
  /** Rejects with an ApiProblem. */
  readonly run: () => Promise<void>;
}

/** A button that changes something, after a question. It must only be shown to those who may. */
export function ActionButton({ label, subject, children, run }: ActionButtonProps) {
  const title = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [state, setState] = useState<'idle' | 'busy' | ApiProblem>('idle');
  const isBusy = state === 'busy';
  const isRefused = state instanceof ApiProblem && state.status === 401;
  const confirm = async (event: Event) => {
    event.preventDefault();
    setState('busy');
    try {
      await run();
      setState('idle');
      dialog.current?.close();
    } catch (error) {
      if (!(error instanceof ApiProblem)) {
        throw error;
      }
      setState(error);
    }
  };
  const end = () => {
    setState('idle');
    // Not while the refusal is shown: without the permission this button is gone, and its dialog too.
    if (isRefused) {
      loadSession();
    }
  };
  return (
    <>
      <button type="button" onClick={() => dialog.current?.showModal()}>
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={title} onClose={end}>
        <form onSubmit={confirm}>
          <h2 id={title}>
            {label}: {subject}
          </h2>
          {children}
          {state instanceof ApiProblem && (
            <p class="problem" role="alert">
              {state.message}
              {isRefused && (
                <>
                  {' '}
                  <a href={signInPath()}>Sign in</a>
                </>
              )}
            </p>
          )}
          <p class="buttons">
            {/* The first one has the focus when the dialog opens, so a key that was pressed too often changes nothing. */}
            <button type="button" onClick={() => dialog.current?.close()}>
              Back
            </button>
            <button type="submit" class="strong" disabled={isBusy}>
              {isBusy ? 'One moment…' : label}
            </button>
          </p>
        </form>
      </dialog>
    </>
  );
}
