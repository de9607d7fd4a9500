import { expect } from 'chai';
import { failureOf, failuresOf } from '../../../../src/master/builds/failure-of.js';
import { toId } from '../../../../src/protocol/ids.js';

describe('the group of a failed atom', () => {
  const atom = (id: number, value: string) => ({ id: toId.atom(id), variable: 'TEST', value, retries: 0 });

  it('does not depend on the name of the atom', () => {
    const [login, logout] = failuresOf(
      [
        { id: toId.atom(0), last_lines: 'FAIL login\nmake: *** [login] Error 1' },
        { id: toId.atom(1), last_lines: 'FAIL logout\nmake: *** [logout] Error 1' },
      ],
      [atom(0, 'login'), atom(1, 'logout')],
    );
    expect(login?.key)
      .to.match(/^[0-9a-f]{16}$/)
      .and.to.equal(logout?.key);
  });

  it('is unknown when its slave sent no lines, and "silent" when there were none', () => {
    expect(failuresOf([{ id: toId.atom(0) }], [atom(0, 'a')])).to.deep.equal([{ id: 0, key: null }]);
    expect(failureOf('', 'a')).to.deep.equal({ key: 'silent', lines: null });
    expect(failureOf(' \n\u001b[0m\n', 'a')).to.deep.equal({ key: 'silent', lines: null });
  });

  it('keeps the lines as they were printed, except for characters that the store does not take', () => {
    const { lines } = failureOf('\u001b[31mred\u001b[0m 12\0\n\u202e', 'a');
    expect(lines).to.equal('\u001b[31mred\u001b[0m 12\ufffd\n\u202e');
  });
});
