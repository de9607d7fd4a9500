import { useEffect, useRef, useState } from 'preact/hooks';
import { offeredShortcuts, useShortcuts } from './shortcuts.js';

/** The shortcuts of all pages, and the dialog that lists those of this page. */
export function ShortcutHelp() {
  const [isOpen, setOpen] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen) {
      dialog.current?.showModal();
    }
  }, [isOpen]);
  useShortcuts([
    { keys: '?', label: 'Show the shortcuts', run: () => setOpen(true) },
    { keys: '/', label: 'Search', run: () => focusFirst('input[type=search]') },
    { keys: 'j', label: 'Next row', run: () => focusRow(1) },
    { keys: 'k', label: 'Previous row', run: () => focusRow(-1) },
  ]);
  return (
    <>
      <button type="button" class="bare" onClick={() => setOpen(true)} aria-label="Keyboard shortcuts">
        <span aria-hidden="true">?</span>
      </button>
      <dialog ref={dialog} onClose={() => setOpen(false)} aria-labelledby="shortcuts-title">
        <h2 id="shortcuts-title">Keyboard shortcuts</h2>
        <dl class="shortcuts">
          {(isOpen ? offeredShortcuts() : []).map(({ keys, label }) => (
            <div key={keys}>
              <dt>
                {keys.split(' ').map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{label}</dd>
            </div>
          ))}
        </dl>
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </dialog>
    </>
  );
}

function focusFirst(selector: string): void {
  document.querySelector<HTMLElement>(`main ${selector}`)?.focus();
}

/** Moves the focus by so many rows, from the focused one or the first that is visible. */
function focusRow(by: number): void {
  const links = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  const focused = document.activeElement;
  const at = focused instanceof HTMLElement ? links.indexOf(focused) : -1;
  const firstVisible = links.findIndex((link) => link.getBoundingClientRect().top >= 0);
  links[at === -1 ? firstVisible : at + by]?.focus();
}
