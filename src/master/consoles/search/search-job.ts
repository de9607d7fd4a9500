import type { ConsoleSearch } from '../../../protocol/build/console-search.js';
import type { ErrorCode } from '../../../protocol/errors.js';
import type { ConsoleIndex } from '../../../protocol/results/result-index.js';
import type { Wanted } from './line-matcher.js';
import type { SearchRequest } from './search-lines.js';

/* The messages between the master and the thread that searches consoles. */

/** A console in the archive of a subjob. */
interface ArchivedContent {
  readonly archive: string;
  readonly index: { readonly members: number[] };
  readonly console: ConsoleIndex;
}

/** A console in memory, after lines that are not kept. */
interface KeptContent {
  readonly bytes: Uint8Array;
  readonly linesBefore: number;
}

export interface SearchJob {
  readonly content: ArchivedContent | KeptContent;
  readonly wanted: Wanted;
  readonly request: SearchRequest;
  /** After so long the search stops at a line end, and responds with what it has. */
  readonly milliseconds: number;
}

/** `error`: what a ClusterRunnerError consists of; with a null code, a programming error. */
export type SearchReply =
  | { readonly search: ConsoleSearch }
  | { readonly error: { readonly code: ErrorCode | null; readonly message: string } };
