/** How a file is shown: as text, as a picture, as a page of its own, or not at all. */
export type FileView = 'text' | 'picture' | 'page' | 'none';

const PICTURES = new Set(['avif', 'bmp', 'gif', 'ico', 'jpeg', 'jpg', 'png', 'svg', 'webp']);
const PAGES = new Set(['htm', 'html']);
/** Endings of files that are no text. Other files are looked at. */
const OTHERS = new Set([
  ...[
    '7z',
    'a',
    'bin',
    'bz2',
    'class',
    'dll',
    'dmg',
    'dylib',
    'exe',
    'gz',
    'jar',
    'lz4',
    'o',
    'pyc',
    'rar',
    'so',
  ],
  ...['tar', 'tgz', 'war', 'wasm', 'whl', 'xz', 'zip', 'zst'],
  ...[
    'db',
    'doc',
    'docx',
    'heic',
    'mov',
    'mp3',
    'mp4',
    'ogg',
    'otf',
    'parquet',
    'pdf',
    'sqlite',
    'tif',
    'tiff',
  ],
  ...['ttf', 'wav', 'webm', 'woff', 'woff2', 'xls', 'xlsx'],
]);
/** A browser holds a picture or a page whole. */
const MAX_WHOLE_BYTES = 32 * 1024 ** 2;

export function viewOfFile(path: string, bytes: number): FileView {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  const ending = name.includes('.') ? name.slice(name.lastIndexOf('.') + 1) : '';
  const whole = PICTURES.has(ending) ? 'picture' : PAGES.has(ending) ? 'page' : null;
  if (whole !== null) {
    return bytes <= MAX_WHOLE_BYTES ? whole : 'none';
  }
  return OTHERS.has(ending) ? 'none' : 'text';
}
