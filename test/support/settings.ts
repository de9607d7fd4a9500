import { defaultSettings } from '../../src/config/load.js';

/** The defaults of the schema. */
export const defaults = defaultSettings('master');

/** The same for tests that decide themselves when a master deletes things and when a build ends. */
export const settings = { ...defaults, buildsKept: 0, resultsKeptDays: 0, endGrace: 0 };
