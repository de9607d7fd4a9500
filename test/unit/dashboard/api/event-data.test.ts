import { expect } from 'chai';
import fc from 'fast-check';
import { EventData } from '../../../../src/dashboard/api/event-data.js';

const events = fc.array(
  fc.record({
    id: fc.nat(),
    data: fc.json(),
    comments: fc.array(fc.constantFrom(':\n\n', ': still here\n\n', 'retry: 500\n\n')),
  }),
);

describe('the stream of events of a master', () => {
  it('has the data of each event once, however it is divided', () => {
    fc.assert(
      fc.property(events, fc.array(fc.nat({ max: 40 })), (sent, sizes) => {
        let stream = sent
          .map(({ id, data, comments }) => `${comments.join('')}id: ${id}\ndata: ${data}\n\n`)
          .join('');
        const reader = new EventData();
        const received: string[] = [];
        for (const size of sizes) {
          received.push(...reader.push(stream.slice(0, size)));
          stream = stream.slice(size);
        }
        received.push(...reader.push(stream));
        expect(received).to.deep.equal(sent.map(({ data }) => data));
      }),
    );
  });

  it('may have an event in several lines', () => {
    expect(new EventData().push('data: {"a":\ndata: 1}\n\n')).to.deep.equal(['{"a":\n1}']);
  });

  it('is refused when an event does not end', () => {
    const reader = new EventData();
    expect(() => {
      for (let n = 0; n < 3; n += 1) {
        reader.push('x'.repeat(500_000));
      }
    }).to.throw('longer than 1 MiB');
  });
});
