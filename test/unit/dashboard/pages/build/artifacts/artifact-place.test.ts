import { expect } from 'chai';
import fc from 'fast-check';
import {
  folderOfAtom,
  pathToPlace,
  placeIn,
} from '../../../../../../src/dashboard/pages/build/artifacts/artifact-place.js';
import { atomFolder, toId } from '../../../../../../src/protocol/ids.js';

describe('a place in the artifacts of a build', () => {
  it('is in the address of its page', () => {
    fc.assert(
      fc.property(fc.option(fc.string({ minLength: 1 })), (file) => {
        const place = { folder: 'artifact_3_14', file };
        const path = pathToPlace(toId.build(7), place);
        expect(path).to.match(/^\/ui\/build\/7\/artifacts\?folder=artifact_3_14/);
        expect(placeIn(new URL(path, 'http://master').searchParams)).to.deep.equal(place);
      }),
    );
    expect(pathToPlace(toId.build(7), { folder: null, file: null })).to.equal('/ui/build/7/artifacts');
  });

  it('is none for anything but the folder of an atom', () => {
    for (const folder of ['', '..', 'artifact_1', 'artifact_1_2/..']) {
      expect(placeIn(new URLSearchParams({ folder, file: 'x' }))).to.deep.equal({ folder: null, file: null });
    }
  });

  it('has the folder that the results have for an atom', () => {
    const [id, subjob] = [toId.atom(14), toId.subjob(3)];
    expect(folderOfAtom({ id, subjob_id: subjob })).to.equal(atomFolder(subjob, id));
  });
});
