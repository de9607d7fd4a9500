import { expect } from 'chai';
import { parseJobs } from '../../../src/job/parse-jobs.js';
import { ClusterRunnerError } from '../../../src/protocol/errors.js';

const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];
const GOOD = '"commands": [a], "atomizers": [{X: b}]';

describe('a name of JavaScript in clusterrunner.yaml', () => {
  it('is a name like any other, and reaches no object', () => {
    for (const name of NAMES) {
      const texts = [
        `"${name}": {${GOOD}}`,
        `A: {"${name}": {${GOOD}}, ${GOOD}}`,
        `A: {"commands": [a], "atomizers": [{"${name}": "b"}]}`,
        `A: &a {"${name}": {"polluted": true}}\nB: {<<: *a, ${GOOD}}`,
        `A: {"commands": [{"${name}": {"polluted": true}}], "atomizers": [{X: b}]}`,
      ];
      for (const text of texts) {
        try {
          const [first] = parseJobs(text, 'f');
          expect(first?.name, text).to.be.oneOf([name, 'A']);
          expect(Object.getPrototypeOf(first?.definition), text).to.equal(Object.prototype);
        } catch (error) {
          expect(error, text).to.be.instanceOf(ClusterRunnerError);
        }
        expect(Reflect.get({}, 'polluted'), text).to.equal(undefined);
        expect(Reflect.get({}, 'commands'), text).to.equal(undefined);
      }
    }
  });
});
