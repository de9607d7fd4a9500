import { useState } from 'preact/hooks';

interface CopyButtonProps {
  readonly text: string;
  /** The name of the button, such as "Copy the command". */
  readonly label: string;
}

const SHOWN_MS = 1_500;

/** Copies a text to the clipboard. */
export function CopyButton({ text, label }: CopyButtonProps) {
  const [result, setResult] = useState<'copied' | 'failed' | null>(null);
  const copy = async () => {
    setResult((await copyText(text)) ? 'copied' : 'failed');
    setTimeout(() => setResult(null), SHOWN_MS);
  };
  return (
    <button type="button" class="copy" onClick={copy} title={label}>
      <span aria-live="polite">{result ?? label}</span>
    </button>
  );
}

/** Browsers give the clipboard only to pages over HTTPS or of the own machine, so there is an older way too. */
async function copyText(text: string): Promise<boolean> {
  if (window.isSecureContext) {
    return await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  }
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'unseen';
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand('copy');
  field.remove();
  return isCopied;
}
