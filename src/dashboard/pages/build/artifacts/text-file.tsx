import { useEffect, useState } from 'preact/hooks';

interface TextFileProps {
  readonly url: string;
  readonly bytes: number;
}

interface Read {
  readonly text: string;
  /** Bytes that are in the text. */
  readonly bytes: number;
  readonly state: 'reading' | 'part' | 'whole' | 'no-text' | 'failed';
}

/** Read at first, and more on request. */
const STEP_BYTES = 512 * 1024;
/** A browser slows down with more text in one element. */
const MOST_BYTES = 8 * 1024 ** 2;

const NOTHING: Read = { text: '', bytes: 0, state: 'reading' };

/** The beginning of a text, and more of it on request, so that a file of any size can be looked at. */
export function TextFile({ url, bytes }: TextFileProps) {
  const [wanted, setWanted] = useState(STEP_BYTES);
  const [read, setRead] = useState<Read>(NOTHING);
  useEffect(() => {
    const end = new AbortController();
    readText(url, wanted, end.signal).then(
      (found) => setRead(found),
      () => {
        if (!end.signal.aborted) {
          setRead({ ...NOTHING, state: 'failed' });
        }
      },
    );
    return () => end.abort();
  }, [url, wanted]);

  switch (read.state) {
    case 'reading':
      return <p class="loading">Loading…</p>;
    case 'no-text':
      return <p class="quiet">This is no text; download it to look at it.</p>;
    case 'failed':
      return (
        <p class="problem" role="alert">
          The file could not be read; the master is away, or has removed the results.
        </p>
      );
    default:
      break;
  }
  if (bytes === 0) {
    return <p class="quiet">The file is empty.</p>;
  }
  return (
    <>
      <pre class="file-text">{read.text}</pre>
      {read.state === 'part' && (
        <p class="quiet">
          {Math.floor((100 * read.bytes) / bytes)} % of the file are shown.{' '}
          {wanted < MOST_BYTES ? (
            <button type="button" onClick={() => setWanted(Math.min(MOST_BYTES, wanted * 4))}>
              Show more
            </button>
          ) : (
            'Download it to see the rest.'
          )}
        </p>
      )}
    </>
  );
}

/** Reads up to `most` bytes of a file, whose other bytes are not sent. @throws when it cannot be read */
async function readText(url: string, most: number, signal: AbortSignal): Promise<Read> {
  const response = await fetch(url, { signal, cache: 'no-cache' });
  if (!response.ok || response.body === null) {
    throw new Error(`Status ${response.status}.`);
  }
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let text = '';
  let bytes = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const piece = part.value.subarray(0, most - bytes);
    if (piece.includes(0)) {
      await reader.cancel();
      return { ...NOTHING, state: 'no-text' };
    }
    bytes += piece.length;
    text += decoder.decode(piece, { stream: true });
    if (bytes >= most) {
      const isCut = piece.length < part.value.length || !(await reader.read()).done;
      await reader.cancel();
      return { text, bytes, state: isCut ? 'part' : 'whole' };
    }
  }
  return { text, bytes, state: 'whole' };
}
