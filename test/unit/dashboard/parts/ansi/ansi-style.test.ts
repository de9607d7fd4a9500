import { expect } from 'chai';
import fc from 'fast-check';
import {
  type AnsiStyle,
  plainStyle,
  styleAfter,
} from '../../../../../src/dashboard/parts/ansi/ansi-style.js';

const styleOf = (...parameters: readonly string[]): AnsiStyle => parameters.reduce(styleAfter, plainStyle);

describe('the style of text on a terminal', () => {
  it('has colors until they are taken back, one by one or all at once', () => {
    expect(styleOf('31', '104')).to.include({ color: 'red', background: 'bright-blue' });
    expect(styleOf('31;104', '39')).to.include({ color: '', background: 'bright-blue' });
    expect(styleOf('31;104', '49')).to.include({ color: 'red', background: '' });
    for (const reset of ['', '0', '00', '1;', '1;0']) {
      expect(styleOf('1;4;31;104', reset), reset).to.deep.equal(plainStyle);
    }
  });

  it('has decorations until they are taken back', () => {
    expect(styleOf('1;2;3;4;7;9').decorations).to.have.members([
      'bold',
      'dim',
      'italic',
      'underline',
      'reverse',
      'strikethrough',
    ]);
    expect(styleOf('1;2;3;4', '22').decorations).to.deep.equal(['italic', 'underline']);
    expect(styleOf('3;4;7;9', '23', '24;27', '29').decorations).to.deep.equal([]);
  });

  it('has colors of the palette, by their places in the cube and among the grays', () => {
    const colorOf = (index: number) => styleOf(`38;5;${index}`).color;
    expect([0, 7, 8, 15, 16, 231, 232, 255].map(colorOf)).to.deep.equal([
      'black',
      'white',
      'bright-black',
      'bright-white',
      'rgb(0, 0, 0)',
      'rgb(255, 255, 255)',
      'rgb(8, 8, 8)',
      'rgb(238, 238, 238)',
    ]);
  });

  it('leaves out a color space and the color of an underline', () => {
    expect(styleOf('38:2:1:5:6:7').color).to.equal('rgb(5, 6, 7)');
    expect(styleOf('58;2;1;3;4', '58:5:1')).to.deep.equal(plainStyle);
  });

  it('does not change with what is damaged or not known', () => {
    for (const damaged of [
      '38',
      '38;5',
      '38;2;1;2',
      '38;5;256',
      '38;9',
      '48:7',
      '5',
      '8',
      '53',
      '75',
      '200',
    ]) {
      expect(styleAfter(styleOf('1;31'), damaged), damaged).to.deep.equal(styleOf('1;31'));
    }
  });

  it('stays small, however long it is never reset', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[\d;:]{0,12}$/), { maxLength: 50 }), (parameters) => {
        const { color, background, decorations } = styleOf(...parameters);
        expect(new Set(decorations).size).to.equal(decorations.length);
        expect(decorations.length).to.be.at.most(6);
        expect([color, background].join('').length).to.be.at.most(120);
      }),
    );
  });
});
