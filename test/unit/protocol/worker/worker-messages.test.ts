import { expect } from 'chai';
import fc from 'fast-check';
import { parseWorkerMessage } from '../../../../src/protocol/worker/worker-messages.js';

const request = fc.integer({ min: 1, max: 1e9 });
const count = fc.integer({ min: 0, max: 1e9 });
const messages = fc.oneof(
  fc.record({
    kind: fc.constant('ready'),
    protocol: fc.integer({ min: 0, max: 99 }),
    isolation: fc.constantFrom('process', 'none'),
  }),
  fc.record(
    { kind: fc.constant('begun'), request, process: fc.integer({ min: 2, max: 2 ** 31 - 1 }) },
    { requiredKeys: ['kind', 'request'] },
  ),
  fc.record(
    {
      kind: fc.constant('ended'),
      request,
      exit_code: fc.integer({ min: 0, max: 255 }),
      tests: fc.record({ tests: count, failures: count, errors: count, skipped: count }),
    },
    { requiredKeys: ['kind', 'request', 'exit_code'] },
  ),
);

describe('parseWorkerMessage', () => {
  it('reads every message of the protocol', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(parseWorkerMessage(JSON.stringify(message))).to.deep.equal(message);
      }),
    );
  });

  it('takes nothing else for a message, and shows the beginning of what it was', () => {
    for (const line of [
      '',
      'hello',
      'null',
      '[]',
      '{}',
      '{"kind":"ran"}',
      '{"kind":"ended","request":1}',
      '{"kind":"ended","request":1,"exit_code":256}',
      '{"kind":"ended","request":1,"exit_code":-1}',
      '{"kind":"ended","request":1,"exit_code":0.5}',
      '{"kind":"ended","request":1,"exit_code":"0"}',
      '{"kind":"ended","request":0,"exit_code":0}',
      '{"kind":"ended","request":1,"exit_code":0,"passed":true}',
      '{"kind":"begun","request":1,"process":1}',
      '{"kind":"begun","request":1,"process":-5}',
      '{"kind":"ready","protocol":1,"isolation":"some"}',
      `{"kind":"${'x'.repeat(5000)}"}`,
    ]) {
      const parsed = parseWorkerMessage(line);
      expect(parsed, line).to.have.property('problem').that.contains(JSON.stringify(line).slice(0, 100));
      expect(JSON.stringify(parsed).length, line).to.be.below(600);
    }
  });

  it('names the field of a message that is wrong', () => {
    expect(parseWorkerMessage('{"kind":"ended","request":1,"exit_code":300}')).to.deep.equal({
      problem:
        'a message that breaks its protocol (/exit_code: Expected integer to be less or equal to 255): ' +
        '"{\\"kind\\":\\"ended\\",\\"request\\":1,\\"exit_code\\":300}"',
    });
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => void parseWorkerMessage(line)));
  });
});
