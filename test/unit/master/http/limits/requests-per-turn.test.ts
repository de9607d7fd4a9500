import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  limitRequestsPerTurn,
  READS_PER_TURN,
  REQUESTS_PER_TURN,
} from '../../../../../src/master/http/limits/requests-per-turn.js';

type Step = 'GET' | 'POST' | 'turn' | { readonly hangUp: number };

/** Requests in turns of an event loop that the test controls. */
class Turns {
  readonly begun: ServerResponse[] = [];
  begunInTurn = 0;
  #callbacks: (() => void)[] = [];
  readonly #listener = limitRequestsPerTurn(
    (_, response) => {
      this.begun.push(response);
      this.begunInTurn += 1;
    },
    (callback) => this.#callbacks.push(callback),
  );

  request(method = 'POST'): ServerResponse {
    const request = new IncomingMessage(new Socket());
    request.method = method;
    const response = new ServerResponse(request);
    this.#listener(request, response);
    return response;
  }

  turn(): void {
    this.begunInTurn = 0;
    for (const callback of this.#callbacks.splice(0)) {
      callback();
    }
  }

  get isOver(): boolean {
    return this.#callbacks.length === 0;
  }
}

describe('the limit of requests in a turn of the event loop', () => {
  it('begins a request at once when few have come', () => {
    const turns = new Turns();
    const response = turns.request();
    expect(turns.begun).to.deep.equal([response]);
  });

  it('begins each request once, reads and changes in their order, few in a turn, unless its client hung up before', () => {
    const step = fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom<Step>('GET', 'POST') },
      { weight: 2, arbitrary: fc.constant<Step>('turn') },
      { weight: 2, arbitrary: fc.nat(50).map<Step>((hangUp) => ({ hangUp })) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const turns = new Turns();
        const made: ServerResponse[] = [];
        const dropped = new Set<ServerResponse>();
        for (const one of steps) {
          if (one === 'GET' || one === 'POST') {
            made.push(turns.request(one));
          } else if (one === 'turn') {
            turns.turn();
          } else {
            const response = made[made.length - 1 - one.hangUp];
            if (response !== undefined && !turns.begun.includes(response)) {
              response.destroy();
              dropped.add(response);
            }
          }
          expect(turns.begunInTurn).to.be.at.most(REQUESTS_PER_TURN);
        }
        for (let left = made.length; left > 0 && !turns.isOver; left -= 1) {
          turns.turn();
          expect(turns.begunInTurn).to.be.at.most(REQUESTS_PER_TURN);
        }
        expect(turns.isOver).to.equal(true);
        for (const method of ['GET', 'POST']) {
          const isOne = ({ req }: ServerResponse) => req.method === method;
          expect(turns.begun.filter(isOne)).to.deep.equal(
            made.filter((response) => isOne(response) && !dropped.has(response)),
          );
        }
      }),
    );
  });

  it('lets reads pass changes that wait, and both make progress', () => {
    const turns = new Turns();
    const changes = Array.from({ length: 100 }, () => turns.request());
    const reads = Array.from({ length: 10 }, () => turns.request('GET'));
    turns.turn();
    expect(reads.filter((read) => turns.begun.includes(read))).to.have.length(READS_PER_TURN);
    expect(changes.filter((change) => turns.begun.includes(change))).to.have.length(
      2 * REQUESTS_PER_TURN - READS_PER_TURN,
    );
  });
});
