import { expect } from 'chai';
import { requireNativeLibrary } from '../../../src/master/store/native-library.js';
import { messageOf } from '../../../src/protocol/errors.js';

describe('the check for the native library', () => {
  const sentence = (code: string, message: string): string => {
    try {
      requireNativeLibrary(() => {
        throw Object.assign(new Error(message), { code });
      });
      return '';
    } catch (error) {
      return messageOf(error);
    }
  };

  it('asks for a rebuild where the library was built for another version of Node', () => {
    const message = "The module 'x.node' was compiled against NODE_MODULE_VERSION 115.\nPlease try";
    expect(sentence('ERR_DLOPEN_FAILED', message))
      .to.contain('`npm rebuild better-sqlite3` in /')
      .and.contain('NODE_MODULE_VERSION 115')
      .and.not.contain('\n');
  });

  for (const code of ['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND']) {
    it(`names the tools that build it where it is not there (${code})`, () => {
      expect(sentence(code, 'Could not locate the bindings file. Tried:\n → /a\n → /b'))
        .to.contain('install a C++ compiler, make and Python 3')
        .and.contain(process.versions.node)
        .and.not.contain('\n');
    });
  }

  it('says nothing where the library can be loaded', () => {
    expect(() => requireNativeLibrary(() => undefined)).not.to.throw();
  });
});
