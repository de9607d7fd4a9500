import type { SimulatedAtom } from './simulated-atom.js';

/** Why a test of the shop fails. */
export type Fault = 'assertion' | 'connection' | 'timeout' | 'locator';

type Output = Pick<SimulatedAtom, 'output' | 'files'>;

const red = (text: string) => `\x1b[31m${text}\x1b[39m`;
const green = (text: string) => `\x1b[32m${text}\x1b[39m`;
const yellow = (text: string) => `\x1b[33m${text}\x1b[39m`;
const dim = (text: string) => `\x1b[2m${text}\x1b[22m`;
const bold = (text: string) => `\x1b[1m${text}\x1b[22m`;

const CASES = [
  'accepts the smallest amount',
  'keeps the order of the lines',
  'refuses a negative quantity',
  'rounds half a cent to even',
  'ignores items that are sold out',
  'sends one event for each change',
  'restores the state after a restart',
  'survives a second request with the same key',
];

/** Vitest's output, more or less. */
export function consoleOfUnitTest(
  value: string,
  seconds: number,
  fault: Fault | null,
  random: () => number,
): Output {
  const file = value.replace('$PROJECT_DIR/', '');
  const cases = CASES.map((name) => ({ name, ms: Math.ceil(random() * 180) }));
  const bad = Math.floor(random() * cases.length);
  const lines = [
    '',
    `${bold(' RUN ')} v3.2.4 ${dim('/project')}`,
    '',
    ...cases.map(({ name, ms }, n) =>
      fault !== null && n === bad
        ? ` ${red('×')} ${file} > ${name} ${yellow(`${ms}ms`)}`
        : ` ${green('✓')} ${file} > ${name} ${dim(`${ms}ms`)}`,
    ),
    '',
  ];
  const total = cases.length;
  const end = [
    ` Test Files  ${fault === null ? green('1 passed') : red('1 failed')} (1)`,
    `      Tests  ${fault === null ? '' : `${red('1 failed')} | `}${green(`${total - (fault === null ? 0 : 1)} passed`)} (${total})`,
    `   Duration  ${seconds.toFixed(2)}s`,
    '',
  ];
  const failure =
    fault === null ? [] : [red(`FAIL  ${file} > ${cases[bad]?.name}`), ...explanation(fault, random), ''];
  return { output: `${[...lines, ...end, ...failure].join('\n')}\n` };
}

function explanation(fault: Fault, random: () => number): string[] {
  switch (fault) {
    case 'assertion':
      return [
        red('AssertionError: expected total to equal the sum of its lines'),
        '',
        `${green('- Expected')}  ${red('+ Received')}`,
        green('-  "total": 1190,'),
        red('+  "total": 1189,'),
        dim(' ❯ services/cart/src/totals.ts:48:17'),
      ];
    case 'connection':
      return [
        red(
          `Error: connect ECONNREFUSED 10.4.${Math.floor(random() * 255)}.${Math.floor(random() * 255)}:5432`,
        ),
        dim('    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1637:16)'),
        dim('    at services/shared/src/database.ts:31:9'),
        `the ledger database is not reachable after ${(3 + random()).toFixed(2)} s`,
      ];
    case 'timeout':
      return [
        red('Error: Test timed out in 5000ms.'),
        dim(`    at services/payment/test/support/provider.ts:${60 + Math.floor(random() * 20)}:5`),
        'The payment provider has not called back.',
      ];
    case 'locator':
      return [
        red('Error: locator.click: Timeout 10000ms exceeded.'),
        dim("  - waiting for getByRole('button', { name: 'Apply coupon' })"),
        dim(`    at e2e/pages/checkout.ts:${20 + Math.floor(random() * 9)}:14`),
      ];
  }
}

/** Playwright's output, more or less, and the files that it leaves. */
export function consoleOfE2e(
  value: string,
  seconds: number,
  fault: Fault | null,
  random: () => number,
): Output {
  const name = value.replace('.spec.ts', '').replaceAll('-', ' ');
  const browsers = ['chromium', 'firefox', 'webkit'];
  const bad = Math.floor(random() * browsers.length);
  const share = seconds / browsers.length;
  const lines = browsers.map((browser, n) => {
    const took = dim(`(${share.toFixed(1)}s)`);
    return fault !== null && n === bad
      ? `  ${red('✘')}  ${n + 1} [${browser}] › ${value}:12:3 › ${name} ${took}`
      : `  ${green('✓')}  ${n + 1} [${browser}] › ${value}:12:3 › ${name} ${took}`;
  });
  const result = fault === null ? green(`  ${browsers.length} passed`) : red('  1 failed');
  const output = [
    `Running ${browsers.length} tests using 1 worker`,
    '',
    ...lines,
    '',
    ...(fault === null ? [] : explanation(fault, random)),
    `${result} (${seconds.toFixed(1)}s)`,
    '',
  ].join('\n');
  return { output, files: filesOfE2e(name, browsers, fault) };
}

function filesOfE2e(name: string, browsers: readonly string[], fault: Fault | null): Record<string, string> {
  const steps = ['open the shop', 'put a book into the cart', 'pay'];
  return {
    'report/index.html': `<!doctype html><title>${name}</title><h1>${name}</h1><p>${fault === null ? 'passed' : 'failed'}</p>\n`,
    'report/data.json': `${JSON.stringify({ name, browsers, steps, passed: fault === null }, null, 2)}\n`,
    ...Object.fromEntries(
      browsers.map((browser) => [
        `traces/${browser}.log`,
        steps.map((step, n) => `${(n * 1.3).toFixed(3)} ${browser} ${step}\n`).join(''),
      ]),
    ),
    'pictures/last-page.svg': picture(name, fault === null),
  };
}

function picture(title: string, passed: boolean): string {
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" width="480" height="270">',
    '<rect width="480" height="270" fill="#f4f1ea"/><rect width="480" height="44" fill="#234"/>',
    '<text x="16" y="29" fill="#fff" font-family="sans-serif" font-size="18">The book shop</text>',
    `<text x="16" y="90" font-family="sans-serif" font-size="20">${title}</text>`,
    `<rect x="16" y="120" width="160" height="36" rx="4" fill="${passed ? '#276' : '#a33'}"/>`,
    `<text x="32" y="144" fill="#fff" font-family="sans-serif" font-size="16">${passed ? 'Thank you!' : 'Apply coupon'}</text>`,
    '</svg>\n',
  ].join('\n');
}
