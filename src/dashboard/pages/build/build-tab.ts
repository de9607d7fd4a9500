import type { Build } from '../../../protocol/build/build.js';

/** The properties of each tab of a build, which is renewed while it runs. */
export interface TabProps {
  readonly build: Build;
  /** Loads the build again, after an action. */
  readonly reload: () => void;
}
