import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import type { MasterClient } from '../../src/client/index.js';
import { type BuildId, toId } from '../../src/protocol/ids.js';
import type { Row } from '../support/report.js';
import { median, quantile, round } from '../support/statistics.js';

const PROBE_EVERY_MS = 20;

/** A response as a browser gets it. */
export async function compressedResponse(url: string, rounds: number): Promise<Row> {
  const times: number[] = [];
  let bytes = 0;
  let whole = 0;
  for (let turn = 0; turn < rounds; turn += 1) {
    const start = performance.now();
    const { body, headers } = await request(url, { headers: { 'accept-encoding': 'gzip' } });
    const content = Buffer.from(await body.arrayBuffer());
    times.push(performance.now() - start);
    bytes = content.length;
    whole = headers['content-encoding'] === 'gzip' ? gunzipSync(content).length : bytes;
  }
  return {
    request: new URL(url).pathname + new URL(url).search,
    'KB received': round(bytes / 1000, 1),
    'KB of JSON': round(whole / 1000, 0),
    'median ms': round(median(times), 1),
  };
}

/** Searches a whole console by as many requests as that takes, while a reader asks for the build. */
export async function consoleSearch(client: MasterClient, build: BuildId, q: string): Promise<Row> {
  const search = { requests: [] as number[], matches: 0, lines: 0, isDone: false };
  const waits: number[] = [];
  const probe = async () => {
    while (!search.isDone) {
      const start = performance.now();
      await client.getBuild(build);
      waits.push(performance.now() - start);
      await delay(PROBE_EVERY_MS);
    }
  };
  const probing = probe();
  const start = performance.now();
  for (let from = 0; !search.isDone; ) {
    const sent = performance.now();
    const found = await client.searchConsole(build, toId.atom(0), { q, from_line: from });
    search.requests.push(performance.now() - sent);
    search.matches += found.matches.length;
    search.lines = found.total_num_lines;
    search.isDone = found.done;
    from = found.scanned_to_line;
  }
  const seconds = (performance.now() - start) / 1000;
  await probing;
  return {
    lines: search.lines,
    matches: search.matches,
    requests: search.requests.length,
    's in all': round(seconds, 2),
    'longest request ms': round(Math.max(...search.requests), 0),
    'other requests p99 ms': round(quantile(waits, 0.99), 1),
  };
}
