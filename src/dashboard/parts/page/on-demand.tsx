import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Loading } from './notices.js';

/**
 * A component whose code is loaded at its first use. `load` imports its module; a failure (the master is away, or has newer
 * files) is shown with a button to try again.
 */
export function onDemand<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  let loaded: ComponentType<Props> | null = null;
  return function Deferred(props: Props) {
    const [state, setState] = useState<'loading' | 'loaded' | 'failed'>(
      loaded === null ? 'loading' : 'loaded',
    );
    useEffect(() => {
      if (state === 'loading') {
        load().then(
          (component) => {
            loaded = component;
            setState('loaded');
          },
          () => setState('failed'),
        );
      }
    }, [state]);
    if (state === 'loaded' && loaded !== null) {
      const Loaded = loaded;
      return <Loaded {...props} />;
    }
    return state === 'failed' ? (
      <p class="problem" role="alert">
        This part of the page could not be loaded from the master.{' '}
        <button type="button" onClick={() => window.location.reload()}>
          Load the page again
        </button>
      </p>
    ) : (
      <Loading />
    );
  };
}
