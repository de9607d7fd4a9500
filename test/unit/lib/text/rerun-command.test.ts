import { expect } from 'chai';
import { rerunCommand } from '../../../../src/lib/text/rerun-command.js';

describe('the command that runs failed atoms again', () => {
  it('names the master, unless commands find it by themselves', () => {
    for (const url of ['http://localhost:43000', 'http://127.0.0.1:43000', null]) {
      expect(rerunCommand(7, url)).to.equal('clusterrunner build --rerun-failed 7');
    }
    expect(rerunCommand(7, 'https://ci.example.com')).to.equal(
      'clusterrunner build --rerun-failed 7 --master-url https://ci.example.com',
    );
  });

  it('quotes the URL for a shell', () => {
    expect(rerunCommand(7, 'http://[::1]:43000')).to.equal(
      "clusterrunner build --rerun-failed 7 --master-url 'http://[::1]:43000'",
    );
  });
});
