/*
 * Styles of text on a terminal, as the parameters of the sequence "select graphic rendition" set them (ECMA-48, section 8.3.117,
 * and the colors of xterm). Nothing here needs a browser.
 */

/** Colors are one of the sixteen by its name, such as `bright-red`, `rgb(…)`, or empty for the usual one. */
export interface AnsiStyle {
  readonly color: string;
  readonly background: string;
  /** Names of decorations, each once. */
  readonly decorations: readonly string[];
}

export const plainStyle: AnsiStyle = { color: '', background: '', decorations: [] };

const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const DECORATIONS: Readonly<Record<number, string>> = {
  1: 'bold',
  2: 'dim',
  3: 'italic',
  4: 'underline',
  7: 'reverse',
  9: 'strikethrough',
};
const [COLOR, BACKGROUND, UNDERLINE] = [38, 48, 58];

/** The style after a sequence with these parameters: numbers between semicolons, or with parts between colons. */
export function styleAfter(style: AnsiStyle, parameters: string): AnsiStyle {
  const codes = parameters.split(';').flatMap(codesOf);
  let { color, background, decorations } = style;
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    const [tens, ones] = [Math.floor(code / 10), code % 10];
    if (code === COLOR || code === BACKGROUND || code === UNDERLINE) {
      const chosen = colorIn(codes.slice(at + 1));
      at += chosen.length;
      color = code === COLOR ? (chosen.color ?? color) : color;
      background = code === BACKGROUND ? (chosen.color ?? background) : background;
    } else if (code === 0) {
      ({ color, background, decorations } = plainStyle);
    } else if (tens === 3 || tens === 9) {
      color = named(ones, tens === 9);
    } else if (tens === 4 || tens === 10) {
      background = named(ones, tens === 10);
    } else {
      // 21 and more end decorations, of which 22 ends two.
      const ended = code === 22 ? ['bold', 'dim'] : [DECORATIONS[tens === 2 ? ones : code]];
      const begun = tens === 0 ? ended : [];
      decorations = [
        ...decorations.filter((one) => !ended.includes(one)),
        ...begun.flatMap((one) => one ?? []),
      ];
    }
  }
  return { color, background, decorations };
}

/** The codes of one parameter. Only colors have more than one part that counts; a color space is left out. */
function codesOf(parameter: string): number[] {
  const parts = parameter.split(':');
  const counted = /^[345]8:/.test(parameter)
    ? parts.filter((part, place) => part !== '' && (place !== 2 || parts.length < 6))
    : parts.slice(0, 1);
  return counted.map(Number);
}

/** The color that begins after its code, and how many codes it takes; undefined for a damaged one. */
function colorIn([kind, ...values]: readonly number[]): {
  readonly color: string | undefined;
  readonly length: number;
} {
  const [red, green, blue] = values;
  return kind === 2
    ? { color: blue === undefined ? undefined : `rgb(${red}, ${green}, ${blue})`, length: 4 }
    : { color: kind === 5 && red !== undefined ? paletteColor(red) : undefined, length: 2 };
}

function named(index: number, isBright: boolean): string {
  const name = NAMES[index];
  return name === undefined ? '' : `${isBright ? 'bright-' : ''}${name}`;
}

const LEVELS = [0, 95, 135, 175, 215, 255];

/** The sixteen colors by name, then a cube of six levels each, then grays; undefined beyond them. */
function paletteColor(index: number): string | undefined {
  if (index < 16) {
    return named(index % 8, index >= 8);
  }
  const at = index - 16;
  const gray = 8 + (index - 232) * 10;
  const parts =
    index >= 232
      ? [gray, gray, gray]
      : [Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6].map((level) => LEVELS[level] ?? 0);
  return index < 256 ? `rgb(${parts.join(', ')})` : undefined;
}
