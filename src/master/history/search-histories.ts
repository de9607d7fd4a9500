import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { HistoryOrder } from '../../protocol/build/history.js';
import type { Page } from '../state/master-api.js';
import type { Reader } from '../store/engine/engine.js';
import {
  type NamedHistory,
  nextAtomsByName,
  nextAtomsByScore,
  orderedByScore,
  type ScoredHistory,
  type ScoreOrder,
} from '../store/history/atom-lists.js';

/** Names read at once, which takes a few milliseconds. */
const CHUNK = 2_000;
/** So many matches are sorted; of more, a page is found soon by going through all atoms in order. */
const MOST_SORTED = 10_000;

/** The atoms of a job to be found. */
export interface AtomSearch {
  readonly job: number;
  /** Part of their names, in any case. */
  readonly text: string;
  readonly order: HistoryOrder;
}

/** The ids of a page of matches, in order, and the number of all. */
interface Found {
  readonly ids: readonly number[];
  readonly total: number;
}

/**
 * Goes through the names of all atoms of the job, or those with the score, and yields to the event loop now and then. Holds
 * a page and a bounded number of ids, however many match. @throws the reason of `gone`
 */
export async function searchHistories(
  db: Reader,
  search: AtomSearch,
  page: Page,
  gone: AbortSignal,
): Promise<Found> {
  const { job, order } = search;
  if (order === 'name') {
    const matches = matchesOf(allByName(db, job, gone), search.text);
    return collected(matches, page.offset, page.limit);
  }
  const first = await collected(matchesOf(allByName(db, job, gone), search.text), 0, MOST_SORTED);
  if (first.total <= MOST_SORTED) {
    const ids = await orderedByScore(db, order, first.ids);
    return { ids: ids.slice(page.offset, page.offset + page.limit), total: ids.length };
  }
  const matches = matchesOf(allByScore(db, job, order, gone), search.text);
  // Every atom has a duration, so the number is known already, and the page is enough.
  const end = order === 'slowest' ? page.offset + page.limit : Number.POSITIVE_INFINITY;
  const found = await collected(matches, page.offset, page.limit, end);
  return { ids: found.ids, total: order === 'slowest' ? first.total : found.total };
}

/** Keeps the ids from `offset` on, `limit` at most, and counts all until there are `end`. */
async function collected(
  matches: AsyncIterable<NamedHistory>,
  offset: number,
  limit: number,
  end = Number.POSITIVE_INFINITY,
): Promise<Found> {
  const ids: number[] = [];
  let total = 0;
  for await (const { id } of matches) {
    if (total >= offset && ids.length < limit) {
      ids.push(id);
    }
    total += 1;
    if (total >= end) {
      break;
    }
  }
  return { ids, total };
}

async function* matchesOf(
  chunks: AsyncIterable<readonly NamedHistory[]>,
  text: string,
): AsyncGenerator<NamedHistory> {
  const wanted = text.toLowerCase();
  for await (const chunk of chunks) {
    for (const one of chunk) {
      if (one.name.toLowerCase().includes(wanted)) {
        yield one;
      }
    }
  }
}

async function* allByName(db: Reader, job: number, gone: AbortSignal): AsyncGenerator<NamedHistory[]> {
  for (let after = ''; ; ) {
    const chunk = await nextAtomsByName(db, job, after, CHUNK);
    yield chunk;
    const last = chunk.at(-1);
    if (last === undefined || chunk.length < CHUNK) {
      return;
    }
    after = last.name;
    await yieldToEventLoop();
    gone.throwIfAborted();
  }
}

async function* allByScore(
  db: Reader,
  job: number,
  order: ScoreOrder,
  gone: AbortSignal,
): AsyncGenerator<ScoredHistory[]> {
  for (let after: ScoredHistory | null = null; ; ) {
    const chunk: ScoredHistory[] = await nextAtomsByScore(db, job, order, after, CHUNK);
    yield chunk;
    const last = chunk.at(-1);
    if (last === undefined || chunk.length < CHUNK) {
      return;
    }
    after = last;
    await yieldToEventLoop();
    gone.throwIfAborted();
  }
}
