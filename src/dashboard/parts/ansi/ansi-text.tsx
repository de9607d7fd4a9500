import { type AnsiToken, parseAnsiLines, tokensWithin } from './ansi-tokens.js';

/** Pieces of text in their styles. */
export function AnsiText({ tokens }: { readonly tokens: readonly AnsiToken[] }) {
  return (
    <>
      {tokens.map(({ text, start, classes, color, background }) =>
        classes === '' ? (
          text
        ) : (
          <span key={start} class={classes} style={colorsOf(color, background)}>
            {text}
          </span>
        ),
      )}
    </>
  );
}

/** The end of an output, without empty lines at its end. */
export function AnsiBlock({ lines }: { readonly lines: readonly string[] }) {
  const last = lines.findLastIndex((line) => line.trim() !== '');
  const parsed = parseAnsiLines(lines.slice(0, last + 1)).map(({ tokens, overwritten, text }, number) => ({
    number,
    tokens: tokensWithin(tokens, overwritten, text.length),
  }));
  return (
    <pre class="output">
      {parsed.map(({ number, tokens }) => (
        <div key={number} class="output-line">
          <AnsiText tokens={tokens} />
        </div>
      ))}
    </pre>
  );
}

/** Colors that the output names; the style sheet makes them readable on the page's background. */
function colorsOf(color: string | null, background: string | null): Readonly<Record<string, string>> {
  return {
    ...(color === null ? {} : { '--ansi-color': color }),
    ...(background === null ? {} : { '--ansi-back': background }),
  };
}
