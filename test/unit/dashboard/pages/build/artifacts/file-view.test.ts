import { expect } from 'chai';
import { viewOfFile } from '../../../../../../src/dashboard/pages/build/artifacts/file-view.js';
import { shownType } from '../../../../../../src/master/http/response/shown-type.js';

describe('the view of a file', () => {
  it('is a picture, a page or text by the end of its name', () => {
    expect(viewOfFile('shots/one.PNG', 10)).to.equal('picture');
    expect(viewOfFile('report/index.html', 10)).to.equal('page');
    expect(viewOfFile('clusterrunner_console_output', 10)).to.equal('text');
    expect(viewOfFile('junit.xml', 10)).to.equal('text');
    expect(viewOfFile('some.folder/Makefile', 10)).to.equal('text');
    expect(viewOfFile('core.zip', 10)).to.equal('none');
  });

  it('is none for pictures and pages that a browser cannot hold', () => {
    expect(viewOfFile('huge.png', 10 ** 9)).to.equal('none');
    expect(viewOfFile('huge.log', 10 ** 12)).to.equal('text');
  });

  it('has the type with which the master shows the file', () => {
    for (const [ending, type] of [
      ...['avif', 'bmp', 'gif', 'ico', 'jpeg', 'jpg', 'png', 'svg', 'webp'].map(
        (one) => [one, /^image\//] as const,
      ),
      ...['htm', 'html'].map((one) => [one, /^text\/html;/] as const),
      ...['txt', 'js', 'json', 'xml'].map((one) => [one, /^text\/plain;/] as const),
    ]) {
      const name = `x.${ending}`;
      const expected = String(type).includes('image')
        ? 'picture'
        : String(type).includes('html')
          ? 'page'
          : 'text';
      expect(viewOfFile(name, 1), name).to.equal(expected);
      expect(shownType(name), name).to.match(type);
    }
  });
});
