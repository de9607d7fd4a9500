import { defaultSettings } from '../../src/config/load.js';

/** What the schema says when nothing is set. */
export const defaults = defaultSettings('master');

/** The same for tests that say themselves what a master forgets and when a build ends. */
export const settings = { ...defaults, buildsKept: 0, resultsKeptDays: 0, endGrace: 0 };
