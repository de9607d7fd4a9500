import { once } from 'node:events';
import { expect } from 'chai';
import fc from 'fast-check';
import { Turns } from '../../../../src/master/http/limits/turns.js';
import { ListResponse, nextPageRows } from '../../../../src/master/http/response/list-response.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { request } from '../../../support/raw-request.js';

const BUILDS = 300;
const directory = { type: 'directory', project_directory: '/p', job_name: 'Simple' } as const;
const staying = new AbortController().signal;

/** Numbers as rows, which are made when they are read. */
async function numbers(total: number, offset: number, limit: number | null, wide = 1) {
  let read = 0;
  const response = await ListResponse.begin<'rows', string>(
    'rows',
    { offset, limit },
    new Turns(),
    staying,
    async (next) => {
      const rows = Array.from({ length: Math.max(0, Math.min(next.limit, total - next.offset)) }, (_, at) =>
        String(next.offset + at).padStart(wide, '0'),
      );
      read += rows.length;
      return { rows, total };
    },
  );
  return { content: response.content({ STATUS: 'SUCCESS' }, { more: 1 }), read: () => read };
}

describe('a list that is sent page by page', () => {
  it('has each requested row once and in order, for any number of rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 3000 }),
        fc.nat({ max: 3500 }),
        fc.option(fc.integer({ min: 1, max: 3500 })),
        async (total, offset, limit) => {
          const { content } = await numbers(total, offset, limit);
          const sent: unknown = JSON.parse(
            typeof content === 'string' ? content : (await content.toArray()).join(''),
          );
          const all = Array.from({ length: total }, (_, at) => String(at));
          const rows = all.slice(offset, limit === null ? undefined : offset + limit);
          expect(sent).to.deep.equal({ STATUS: 'SUCCESS', rows, total, more: 1 });
        },
      ),
      { numRuns: 20 },
    );
  });

  it('is made no further than its reader reads', async () => {
    const { content, read } = await numbers(1_000_000, 0, null, 1000);
    if (typeof content === 'string') {
      return expect.fail('the whole list was read');
    }
    await once(content, 'readable');
    await new Promise((resolve) => setImmediate(resolve));
    expect(read()).to.be.below(500);
    content.destroy();
  });

  it('is a text, and no stream, when it is short', async () => {
    for (const [total, limit] of [
      [0, null],
      [100, null],
      [1_000_000, 100],
    ] as const) {
      expect((await numbers(total, 0, limit)).content).to.be.a('string');
    }
  });

  it('has pages that fit a size and a time, with one row at least', () => {
    const positive = fc.integer({ min: 1, max: 100_000_000 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), positive, positive, (rows, bytes, ms) => {
        const next = nextPageRows(rows, bytes, ms / 1000);
        expect(next).to.be.within(1, 500);
        expect(next).to.satisfy(() => next === 1 || (next * bytes) / rows <= 64 * 1024);
        expect(next).to.satisfy(() => next === 1 || (next * ms) / 1000 / rows <= 5.01);
      }),
    );
  });
});

describe('lists of the API', () => {
  let master: FakeMaster;
  before(async () => {
    master = await startFakeMaster();
    for (let build = 0; build < BUILDS; build += 1) {
      await master.service.createBuild(directory);
    }
  });
  after(() => master.close());

  const ids = async (path: string) => {
    const { status, body } = await request(master, 'GET', path);
    expect(status, path).to.equal(200);
    expect(body).to.include({ STATUS: 'SUCCESS', total: BUILDS }).and.have.property('child_routes');
    const builds: unknown = body.builds;
    return Array.isArray(builds) ? builds.map(({ id }: { id: unknown }) => id) : expect.fail('no list');
  };
  const from = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, at) => first + at);

  it('have all builds without a limit, and at most the limit', async () => {
    expect(await ids('/build')).to.deep.equal(from(1, BUILDS));
    expect(await ids('/v1/build?offset=200')).to.deep.equal(from(201, BUILDS));
    expect(await ids('/v1/build?limit=150&offset=1')).to.deep.equal(from(2, 151));
    expect(await ids('/v1/build?limit=0&offset=-1&page=3')).to.deep.equal([1]);
    expect(await ids('/v1/build?offset=2000')).to.deep.equal([]);
  });
});

describe('turns', () => {
  it('run one at a time, with other work in between, and skip aborted calls', async () => {
    const turns = new Turns();
    const log: string[] = [];
    const piece = (name: string) => async () => {
      log.push(`${name} begins`);
      await Promise.resolve();
      log.push(`${name} ends`);
      setImmediate(() => log.push(`after ${name}`));
    };
    const gone = new AbortController();
    const first = turns.take(staying, piece('first'));
    const lost = turns.take(gone.signal, piece('lost')).catch((error: unknown) => error);
    const last = turns.take(staying, piece('last'));
    gone.abort(new Error('hung up'));
    expect(await lost).to.have.property('message', 'hung up');
    await Promise.all([first, last]);
    expect(log).to.deep.equal(['first begins', 'first ends', 'after first', 'last begins', 'last ends']);
  });
});
