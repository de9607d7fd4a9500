import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { ApiProblem } from '../../api/api-problem.js';
import { loadSession, signInPath } from '../../api/browser-session.js';

interface ActionButtonProps {
  /** A verb with its object: "Cancel the build". */
  readonly label: string;
  /** The effect, for the question before it happens. */
  readonly children: ComponentChildren;
  /** Rejects with an ApiProblem. */
  readonly run: () => Promise<void>;
}

/** A button that changes something, after a question. It must only be shown to those who may. */
export function ActionButton({ label, children, run }: ActionButtonProps) {
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
      <dialog ref={dialog} aria-label={label} onClose={end}>
        <form onSubmit={confirm}>
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
            <button type="submit" class="strong" disabled={isBusy}>
              {isBusy ? 'One moment…' : label}
            </button>
            <button type="button" onClick={() => dialog.current?.close()}>
              Back
            </button>
          </p>
        </form>
      </dialog>
    </>
  );
}
