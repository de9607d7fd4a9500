import type { Build } from '../../../protocol/build/build.js';
import type { BuildId } from '../../../protocol/ids.js';

/** The properties of each tab of a build, which is renewed while it runs. */
export interface TabProps {
  readonly build: Build;
  /** Loads the build again, after an action. */
  readonly reload: () => void;
}

/** The properties of a tab that begins to load before the build is there. It shows nothing until then. */
export interface EarlyTabProps {
  readonly buildId: BuildId;
  readonly build: Build | null;
}
