import { expect } from 'chai';
import { environmentHint } from '../../../../src/cli/build/environment-hint.js';

describe('a failure that looks like a missing variable', () => {
  for (const [line, name] of [
    ['The JAVA_HOME environment variable is not defined correctly', 'JAVA_HOME'],
    ['ERROR: JAVA_HOME is not set and no java command could be found', 'JAVA_HOME'],
    ['bash: line 1: DATABASE_URL: unbound variable', 'DATABASE_URL'],
    ['sh: 1: DATABASE_URL: parameter not set', 'DATABASE_URL'],
    ["KeyError: 'API_TOKEN'", 'API_TOKEN'],
    ['Please set the environment variable GOPATH', 'GOPATH'],
    ['Error: missing environment variable: NPM_TOKEN', 'NPM_TOKEN'],
    ['AWS_REGION must be set', 'AWS_REGION'],
  ] as const) {
    it(`names the variable: ${line}`, () => {
      expect(environmentHint(['before', line, 'after'], 1)).to.match(
        new RegExp(`^if ${name} is set for the slave: .*env_passthrough`),
      );
    });
  }

  for (const [line, program] of [
    ['bash: line 1: nvm: command not found', 'nvm'],
    ['/bin/sh: 1: mvn: not found', 'mvn'],
    ['/usr/bin/env: ‘node’: No such file or directory', 'node'],
  ] as const) {
    it(`names the program: ${line}`, () => {
      expect(environmentHint([line], 127)).to.match(
        new RegExp(`^${program} is not in the PATH.*env_passthrough`),
      );
    });
  }

  it('is also recognized by the exit code alone', () => {
    expect(environmentHint(['quiet'], 127)).to.include('env_passthrough');
  });

  for (const line of [
    'AssertionError: expected 1 to equal 2',
    'JAVA_HOME is set to /opt/java',
    'the PATH is not set',
    'HTTP 404: page not found in the index',
    '3 passing',
  ]) {
    it(`is not assumed for other failures: ${line}`, () => {
      expect(environmentHint([line], 1)).to.equal(null);
    });
  }
});
