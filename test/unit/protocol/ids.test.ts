import { Value } from '@sinclair/typebox/value';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  AtomIdSchema,
  AttemptSchema,
  atomFolder,
  BuildIdSchema,
  LeaseIdSchema,
  SlaveIdSchema,
  SubjobIdSchema,
  toId,
} from '../../../src/protocol/ids.js';

describe('ids', () => {
  it('of builds, slaves, leases and attempts count from 1; those of subjobs and atoms from 0', () => {
    for (const schema of [BuildIdSchema, SlaveIdSchema, LeaseIdSchema, AttemptSchema]) {
      expect(Value.Check(schema, 0)).to.equal(false);
      expect(Value.Check(schema, 1)).to.equal(true);
    }
    for (const schema of [SubjobIdSchema, AtomIdSchema]) {
      expect(Value.Check(schema, -1)).to.equal(false);
      expect(Value.Check(schema, 0)).to.equal(true);
    }
  });

  it('are safe integers and nothing else', () => {
    const wrong = [
      1.5,
      Number.MAX_SAFE_INTEGER + 1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '1',
      null,
      [1],
      {},
    ];
    for (const value of wrong) {
      expect(Value.Check(BuildIdSchema, value), String(value)).to.equal(false);
    }
    expect(Value.Check(BuildIdSchema, Number.MAX_SAFE_INTEGER)).to.equal(true);
  });
});

describe('atomFolder', () => {
  it('returns a different folder for each atom of a build', () => {
    const id = fc.nat({ max: 1_000_000 });
    fc.assert(
      fc.property(id, id, id, id, (subjob, atom, otherSubjob, otherAtom) => {
        const folder = atomFolder(toId.subjob(subjob), toId.atom(atom));
        const other = atomFolder(toId.subjob(otherSubjob), toId.atom(otherAtom));
        expect(folder).to.equal(`artifact_${subjob}_${atom}`);
        expect(folder === other).to.equal(subjob === otherSubjob && atom === otherAtom);
      }),
    );
  });
});
