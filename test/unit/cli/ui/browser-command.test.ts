import { expect } from 'chai';
import fc from 'fast-check';
import { browserCommand } from '../../../../src/cli/ui/browser-command.js';

const link = 'http://127.0.0.1:4000/ui/build/1#token=$&;`x`';
const linux = (env: Record<string, string>) => browserCommand(link, { platform: 'linux', env });

describe('the command that opens a link', () => {
  it('is that of the system where there is a display', () => {
    expect(linux({ DISPLAY: ':0' })).to.deep.equal({ file: 'xdg-open', args: [link] });
    expect(linux({ WAYLAND_DISPLAY: 'wayland-0' })).to.deep.equal({ file: 'xdg-open', args: [link] });
    expect(browserCommand(link, { platform: 'darwin', env: {} })).to.deep.equal({
      file: 'open',
      args: [link],
    });
  });

  it('does not exist on Linux without a display', () => {
    expect(linux({})).to.equal(null);
    expect(linux({ DISPLAY: '', WAYLAND_DISPLAY: '', BROWSER: ' ' })).to.equal(null);
  });

  it('is the first one of BROWSER, also without a display', () => {
    expect(linux({ BROWSER: 'firefox:chromium' })).to.deep.equal({ file: 'firefox', args: [link] });
    expect(linux({ BROWSER: 'w3m -o x', DISPLAY: ':0' })).to.deep.equal({
      file: 'w3m',
      args: ['-o', 'x', link],
    });
  });

  it('has the link in the place that BROWSER gives it', () => {
    expect(linux({ BROWSER: 'browse --url=%s --new' })).to.deep.equal({
      file: 'browse',
      args: [`--url=${link}`, '--new'],
    });
  });

  it('has the link as it is in an argument, whatever BROWSER is', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (browser, url) => {
        const command = browserCommand(url, { platform: 'darwin', env: { BROWSER: browser } });
        expect(command?.args.some((arg) => arg.includes(url))).to.equal(true);
        expect(command?.file).to.not.equal('');
      }),
    );
  });
});
