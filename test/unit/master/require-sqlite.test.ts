import { expect } from 'chai';
import { requireSqlite } from '../../../src/master/store/engine/require-sqlite.js';
import { messageOf } from '../../../src/protocol/errors.js';

describe('the check for SQLite', () => {
  const sentence = (code: string, message: string): string => {
    try {
      requireSqlite(false, () => {
        throw Object.assign(new Error(message), { code });
      });
      return '';
    } catch (error) {
      return messageOf(error);
    }
  };

  it('asks for a rebuild where the library was built for another system', () => {
    const message = "The module 'x.node' was compiled against NODE_MODULE_VERSION 115.\nPlease try";
    expect(sentence('ERR_DLOPEN_FAILED', message))
      .to.contain('`npm rebuild @photostructure/sqlite` in /')
      .and.contain('NODE_MODULE_VERSION 115')
      .and.not.contain('\n');
  });

  for (const code of ['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND']) {
    it(`asks for the optional dependencies where it is not installed (${code})`, () => {
      expect(sentence(code, 'Could not locate the bindings file. Tried:\n → /a\n → /b'))
        .to.contain('npm ci --include=optional')
        .and.not.contain('\n');
    });
  }

  it('names the version of Node that has it built in', () => {
    expect(sentence('MODULE_NOT_FOUND', 'Cannot find module')).to.contain('use Node 22.16 or later');
  });

  it('does not ask for the library where Node has SQLite built in', () => {
    expect(() => requireSqlite(true, () => expect.fail('the library is loaded'))).not.to.throw();
  });

  it('says nothing where the library can be loaded', () => {
    expect(() => requireSqlite(false, () => undefined)).not.to.throw();
  });
});
