import type { StatusLook } from './status-look.js';

/** A sign, which screen readers skip, and a word. */
export function Status({ look }: { readonly look: StatusLook }) {
  return (
    <span class={`status tone-${look.tone}`}>
      <span class="sign" aria-hidden="true">
        {look.sign}
      </span>
      <span class="word">{look.word}</span>
    </span>
  );
}
