import { expect } from 'chai';
import { aliasesOf } from '../../../src/job/project-path.js';

describe('paths of a checkout', () => {
  it('begin with $PROJECT_DIR, also above the folder of the project', () => {
    expect(aliasesOf('/b/1', '/b/1')).to.deep.equal([{ path: '/b/1', alias: '$PROJECT_DIR' }]);
    expect(aliasesOf('/b/1/x/y', '/b/1')).to.deep.equal([
      { path: '/b/1/x/y', alias: '$PROJECT_DIR' },
      { path: '/b/1', alias: '$PROJECT_DIR/../..' },
    ]);
  });
});
