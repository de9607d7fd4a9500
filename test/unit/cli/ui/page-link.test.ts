import { expect } from 'chai';
import { buildPageLink, linkToken, pageLink } from '../../../../src/cli/ui/page-link.js';
import { ClusterRunnerError } from '../../../../src/protocol/errors.js';
import { toId } from '../../../../src/protocol/ids.js';
import { readAccessToken } from '../../../../src/protocol/signing/access-token.js';

const url = 'http://master:43000/';
const build = toId.build(7);

describe('the link to the page of a build', () => {
  it('is below the path that the master gives', async () => {
    const client = { getVersion: async () => ({ version: '1.1.0', api_version: 1, dashboard: '/ui' }) };
    expect(await buildPageLink(client, url, build, null)).to.equal('http://master:43000/ui/build/7');
  });

  it('does not exist at a master without pages, or without a response', async () => {
    const older = { getVersion: async () => ({ version: '1.0.0', api_version: 1 }) };
    expect(await buildPageLink(older, url, build, null)).to.equal(null);
    const away = {
      getVersion: () => Promise.reject(new ClusterRunnerError('MASTER_UNREACHABLE', 'It does not respond.')),
    };
    expect(await buildPageLink(away, url, build, null)).to.equal(null);
  });

  it('has its token in the fragment, which no server and no proxy gets', () => {
    const { hash, search, pathname } = new URL(pageLink('http://[::1]:80', '/ui/builds', 'crt1.x'));
    expect({ hash, search, pathname }).to.deep.equal({
      hash: '#token=crt1.x',
      search: '',
      pathname: '/ui/builds',
    });
  });

  it('has a token of the secret of its program alone', () => {
    const now = Date.now() / 1000;
    expect(readAccessToken(['mine'], linkToken('control', 'mine'), now)).to.include({
      kind: 'control',
      hasExpired: false,
    });
    expect(readAccessToken(['other'], linkToken('read', 'mine'), now)).to.equal(null);
  });
});
