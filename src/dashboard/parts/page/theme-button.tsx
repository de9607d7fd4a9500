import { nextTheme, theme } from '../../style/theme.js';

const signs = { auto: '◑', light: '○', dark: '●' } as const;

/** Changes the colors: those of the system, light, dark. */
export function ThemeButton() {
  return (
    <button
      type="button"
      class="bare"
      onClick={nextTheme}
      title={`Colors: ${theme.value}`}
      aria-label={`Colors: ${theme.value}. Change`}
    >
      <span aria-hidden="true">{signs[theme.value]}</span>
    </button>
  );
}
