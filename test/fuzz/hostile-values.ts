import type { Random } from '../chaos/random.js';

/** Texts that have broken some program. */
const TEXTS: readonly string[] = [
  '',
  ' ',
  '..',
  '../../../../etc/passwd',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '..\\..\\windows',
  '/absolute/path',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '$(id)',
  '`id`',
  '; rm -rf / #',
  "' OR 1=1 --",
  '"; DROP TABLE builds; --',
  '-o ProxyCommand=id',
  '--upload-pack=id',
  '\0',
  'a\0b',
  '\r\nX-Injected: 1',
  '\u2028\u2029\ufeff',
  '\ud800',
  '😀'.repeat(50),
  'NaN',
  'null',
  'undefined',
  '-1',
  '0x10',
  '1e400',
  '9007199254740993',
  '18446744073709551616',
  '%',
  '%zz',
  '%00',
  '%ff%fe',
  '{{7*7}}',
  '(a+)+$',
  'a'.repeat(40_000),
  '//',
  'http://127.0.0.1/',
  'file:///etc/passwd',
  'git@host:-x',
];

const NUMBERS: readonly number[] = [
  0,
  -0,
  -1,
  1.5,
  2 ** 31,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 63),
  1e308,
  5e-324,
  4_294_967_296,
];

export function hostileText(random: Random): string {
  return random.chance(0.85)
    ? random.pick(TEXTS)
    : String.fromCharCode(...Array.from({ length: random.integer(1, 30) }, () => random.integer(0, 0xffff)));
}

/** Any JSON value, with at most `depth` nested objects and lists. */
export function hostileValue(random: Random, depth = 3): unknown {
  const kind = random.integer(0, depth > 0 ? 8 : 5);
  switch (kind) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
    case 3:
      return random.pick(NUMBERS);
    case 4:
    case 5:
      return hostileText(random);
    case 6:
      return Array.from({ length: random.integer(0, 5) }, () => hostileValue(random, depth - 1));
    case 7:
      return nested(random.integer(5, 2000));
    default:
      return Object.fromEntries(
        Array.from({ length: random.integer(0, 5) }, () => [
          hostileText(random),
          hostileValue(random, depth - 1),
        ]),
      );
  }
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) {
    value = level % 2 === 0 ? [value] : { a: value };
  }
  return value;
}

/** The value with a few random changes. */
export function mutated(random: Random, value: unknown): unknown {
  if (random.chance(0.15)) {
    return hostileValue(random);
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => (random.chance(0.4) ? mutated(random, item) : item));
    return random.chance(0.2) ? [...items, hostileValue(random)] : items;
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(() => !random.chance(0.1))
      .map(([name, item]) => [name, random.chance(0.4) ? mutated(random, item) : item]);
    const more = random.chance(0.2) ? [[hostileText(random), hostileValue(random)]] : [];
    return Object.fromEntries([...entries, ...more]);
  }
  return random.chance(0.5) ? hostileValue(random) : value;
}
