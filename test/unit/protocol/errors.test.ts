import { mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  ClusterRunnerError,
  errorStatus,
  isErrorCode,
  messageOf,
  reasonWithoutPaths,
} from '../../../src/protocol/errors.js';

describe('ClusterRunnerError', () => {
  it('has the status of its code unless another is given', () => {
    expect(new ClusterRunnerError('STALE_LEASE', 'Over.').status).to.equal(409);
    expect(new ClusterRunnerError('STALE_LEASE', 'Over.', { status: 418 }).status).to.equal(418);
  });

  it('keeps its cause', () => {
    const cause = new Error('why');
    expect(new ClusterRunnerError('UNAVAILABLE', 'Not now.', { cause }).cause).to.equal(cause);
  });
});

describe('error codes', () => {
  it('each have a status of an error', () => {
    for (const [code, status] of Object.entries(errorStatus)) {
      expect(status, code).to.be.within(400, 599);
    }
  });

  it('are distinguished from other texts, including property names of every object', () => {
    expect(isErrorCode('NOT_FOUND')).to.equal(true);
    for (const other of ['not_found', 'toString', '__proto__', '', 404, null, undefined]) {
      expect(isErrorCode(other), String(other)).to.equal(false);
    }
  });
});

describe('messageOf', () => {
  it('returns the message of anything that is thrown', () => {
    expect(messageOf(new Error('broken'))).to.equal('broken');
    expect(messageOf('text')).to.equal('text');
    expect(messageOf(undefined)).to.equal('undefined');
  });
});

describe('reasonWithoutPaths', () => {
  it('returns why the file system failed, without the path', () => {
    const folder = '/no-such-folder-of-this-test';
    const failing: (() => unknown)[] = [
      () => readFileSync(folder),
      () => mkdirSync(join(folder, 'a, b')),
      () => renameSync(join(folder, 'a'), join(folder, 'b')),
      () => symlinkSync(folder, join(folder, 'link')),
      () => openSync(folder, 'r'),
      () => readdirSync(`${folder}, with 'quotes'`),
    ];
    for (const fail of failing) {
      let reason = '';
      try {
        fail();
      } catch (error) {
        reason = reasonWithoutPaths(error);
      }
      expect(reason).to.equal('ENOENT: no such file or directory');
    }
    let ofTrees = '';
    try {
      rmSync(tmpdir());
    } catch (error) {
      ofTrees = reasonWithoutPaths(error);
    }
    expect(ofTrees).to.equal('Path is a directory');
    expect(reasonWithoutPaths(new Error('x, y'))).to.equal('x, y');
  });
});
