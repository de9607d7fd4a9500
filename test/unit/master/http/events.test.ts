import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { Event } from '../../../../src/protocol/event.js';
import { type FakeMaster, startFakeMaster } from '../../../support/fake-master.js';
import { request } from '../../../support/raw-request.js';
import { until } from '../../../support/until.js';

const eventOf = (id: number): Event => ({
  id,
  timestamp: 1_700_000_000 + id,
  tag: 'BUILD_ENDED',
  data: { build_id: id, text: 'two\nlines: data: \u2028 ü' },
});

/** The text that a reader has received so far. */
class Reader {
  readonly messages: EventSourceMessage[] = [];
  readonly comments: string[] = [];
  head = '';
  text = '';
  ended = false;
  readonly #socket: Socket;

  constructor(master: FakeMaster, path: string, header = '') {
    this.#socket = connect(Number(new URL(master.url).port), '127.0.0.1');
    this.#socket.write(`GET ${path} HTTP/1.0\r\n${header}\r\n`);
    this.#socket.setEncoding('utf8');
    this.#socket.on('data', (data) => {
      this.text += String(data);
      this.#parse();
    });
    this.#socket.on('close', () => {
      this.ended = true;
    });
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  #parse(): void {
    const begin = this.text.indexOf('\r\n\r\n');
    this.head = this.text.slice(0, begin);
    this.messages.length = 0;
    this.comments.length = 0;
    const parser = createParser({
      onEvent: (message) => this.messages.push(message),
      onComment: (comment) => this.comments.push(comment),
    });
    parser.feed(this.text.slice(begin + 4));
  }
}

describe('the event log', () => {
  let master: FakeMaster;
  beforeEach(async () => {
    master = await startFakeMaster();
    master.service.events.push(eventOf(1), eventOf(2), eventOf(3));
  });
  afterEach(() => master.close());

  it('is read from where the last response ended', async () => {
    const ids = async (query: string) => {
      const { body } = await request(master, 'GET', `/v1/eventlog${query}`);
      return Array.isArray(body.events) ? body.events.map((event: Event) => event.id) : body;
    };
    expect(await ids('')).to.deep.equal([1, 2, 3]);
    expect(await ids('?since_id=1&limit=1')).to.deep.equal([2]);
    expect(await ids('?since_timestamp=1700000002.5')).to.deep.equal([3]);
    expect(await ids('?since_id=3')).to.deep.equal([]);
  });

  describe('as server-sent events', () => {
    it('has the id, the tag and the whole event of each', async () => {
      const reader = new Reader(master, '/v1/events?since_id=1');
      await until(() => reader.messages.length === 2);
      expect(reader.head).to.match(/^HTTP\/1\.1 200 /);
      expect(reader.head.toLowerCase()).to.contain('content-type: text/event-stream');
      expect(reader.head.toLowerCase()).to.contain('cache-control: no-store');
      expect(reader.text).to.contain('retry: 2000\n\n');
      const [first] = reader.messages;
      expect(first).to.include({ id: '2', event: 'BUILD_ENDED' });
      expect(JSON.parse(first?.data ?? '')).to.deep.equal(eventOf(2));
      reader.hangUp();
    });

    it('goes on from Last-Event-ID, which browsers send when they reconnect', async () => {
      const reader = new Reader(master, '/v1/events', 'Last-Event-ID: 2\r\n');
      await until(() => reader.messages.length === 1);
      expect(reader.messages[0]).to.include({ id: '3' });
      reader.hangUp();
    });

    it('refuses an invalid Last-Event-ID', async () => {
      const response = await request(master, 'GET', '/v1/events', { headers: { 'last-event-id': 'x' } });
      expect(response.status).to.equal(400);
      expect(response.body.error).to.match(/Last-Event-ID/);
    });

    it('has only new events when no id is given', async () => {
      const reader = new Reader(master, '/v1/events');
      await until(() => master.service.watching === 1);
      master.service.events.push(eventOf(4));
      master.service.announce();
      await until(() => reader.messages.length === 1);
      expect(reader.messages[0]).to.include({ id: '4' });
      reader.hangUp();
    });

    it('has a comment now and then, which keeps the connection alive', async () => {
      const reader = new Reader(master, '/v1/events');
      await until(() => master.service.watching === 1);
      const before = reader.comments.length;
      master.service.announce();
      await until(() => reader.comments.length > before);
      expect(reader.messages).to.deep.equal([]);
      reader.hangUp();
    });

    it('ends when the client hangs up, also when nothing happens', async () => {
      const reader = new Reader(master, '/v1/events');
      await until(() => master.service.watching === 1);
      reader.hangUp();
      await until(() => master.service.watching === 0);
    });

    it('is not followed for a HEAD', async () => {
      expect((await request(master, 'HEAD', '/v1/events')).status).to.equal(200);
      await until(() => master.service.watching === 0);
    });

    it('ends when the master stops', async () => {
      const reader = new Reader(master, '/v1/events');
      await until(() => master.service.watching === 1);
      await master.stop();
      await until(() => reader.ended);
      expect(master.service.watching).to.equal(0);
    });

    it('breaks off when the events cannot be read, and the log says why', async () => {
      const reader = new Reader(master, '/v1/events');
      await until(() => master.service.watching === 1);
      master.service.broken = new Error('the disk is gone');
      master.service.announce();
      await until(() => reader.ended);
      await until(() => JSON.stringify(master.logged).includes('the disk is gone'));
    });
  });
});
