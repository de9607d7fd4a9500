import { CopyButton } from './copy-button.js';

/** A command for a terminal, to be copied. */
export function CommandLine({ command }: { readonly command: string }) {
  return (
    <p>
      <code>{command}</code> <CopyButton text={command} label="Copy the command" />
    </p>
  );
}
