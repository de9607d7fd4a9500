import type { Random } from '../chaos/random.js';
import { hostileText } from './hostile-values.js';

const METHODS: readonly string[] = [
  'GET',
  'POST',
  'PUT',
  'HEAD',
  'G\0T',
  'get',
  'PRI',
  'CONNECT',
  'TRACE',
  '',
];
const TARGETS: readonly string[] = [
  '/v1',
  '/v1/build',
  '/v1/build/1/atom',
  '/v1/build/1/artifact/artifact_0_0',
  '/v1/build/1/artifacts.tar.gz',
  '/v1/build/1?wait=5',
  '/v1/events?since_id=0',
  '/v1/openapi.json',
  '*',
  '//',
  'http://[::1',
  '/%',
  '/v1/build/1/../../..',
  '\\',
];
const VERSIONS: readonly string[] = [
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/2.0',
  'HTTP/1.1 ',
  'HTTP/9.9',
  'http/1.1',
  '',
];
const FRAMES: readonly string[] = [
  'Content-Length: 5',
  'Content-Length: 5\r\nContent-Length: 6',
  'Content-Length: -1',
  'Content-Length: 99999999999999999999',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nContent-Length: 5',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding:\x0bchunked',
  'Expect: 100-continue\r\nContent-Length: 5',
  'Upgrade: websocket\r\nConnection: upgrade',
  ' folded: 1',
  ': no name',
  'No colon',
];
/** Each costs a receiver that keeps pieces far more than a byte. */
const ONE_BYTE_CHUNKS = '1\r\nx\r\n'.repeat(5000);
const ENDS: readonly string[] = ['\r\n', '\n', '\r', '\r\n\r\n', ''];

/** Bytes over a socket from a sender that ignores HTTP, or knows its corner cases. */
export function generateBytes(random: Random): Buffer {
  if (random.chance(0.2)) {
    return Buffer.from(Array.from({ length: random.integer(0, 2000) }, () => random.integer(0, 255)));
  }
  const end = random.chance(0.85) ? '\r\n' : random.pick(ENDS);
  const requests = Array.from({ length: random.integer(1, 3) }, () => requestText(random, end));
  const bytes = Buffer.from(requests.join(''), 'latin1');
  for (let flips = random.chance(0.4) ? random.integer(1, 4) : 0; flips > 0 && bytes.length > 0; flips -= 1) {
    bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
  }
  return random.chance(0.2) ? bytes.subarray(0, random.integer(0, bytes.length)) : bytes;
}

function requestText(random: Random, end: string): string {
  const line = [random.pick(METHODS), random.pick(TARGETS), random.pick(VERSIONS)].join(' ');
  const host = random.chance(0.8) ? ['Host: 127.0.0.1'] : ['Host: a', 'Host: b'].slice(random.integer(0, 2));
  const frames = Array.from({ length: random.integer(0, 2) }, () => random.pick(FRAMES));
  const many = random.chance(0.05) ? Array.from({ length: 3000 }, (_, index) => `X-${index}: ${index}`) : [];
  const odd = random.chance(0.3) ? [`X-Odd: ${hostileText(random)}`] : [];
  const body = random.pick([
    '',
    'hello',
    '5\r\nhello\r\n0\r\n\r\n',
    'ffffffff\r\nx',
    ONE_BYTE_CHUNKS,
    '-1\r\n',
    'GET /v1 HTTP/1.1\r\n\r\n',
  ]);
  return [line, ...host, ...frames, ...odd, ...many, '', ''].join(end) + body;
}
