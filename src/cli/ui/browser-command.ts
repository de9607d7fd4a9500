/** The program that opens a link, and its arguments. */
export interface BrowserCommand {
  readonly file: string;
  readonly args: readonly string[];
}

export interface Desktop {
  readonly platform: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Where a command of BROWSER wants the link; without it, the link comes last. */
const PLACE = /%s/g;

/**
 * The command that opens a link in this user's browser: that of BROWSER, or the system's own. BROWSER is a list with colons,
 * of which the first counts. Its words are separated by spaces, and no shell reads them. null on Linux without a display.
 */
export function browserCommand(link: string, { platform, env }: Desktop): BrowserCommand | null {
  const wanted = wordsOf(env.BROWSER ?? '');
  const [file, ...args] = wanted;
  if (file !== undefined) {
    const isPlaced = args.some((arg) => arg.includes('%s'));
    // A function, since `$&` in a link would have a meaning in a text.
    const placed = args.map((arg) => arg.replace(PLACE, () => link));
    return { file, args: isPlaced ? placed : [...args, link] };
  }
  if (platform === 'darwin') {
    return { file: 'open', args: [link] };
  }
  const hasDisplay = Boolean(env.DISPLAY) || Boolean(env.WAYLAND_DISPLAY);
  return hasDisplay ? { file: 'xdg-open', args: [link] } : null;
}

function wordsOf(browser: string): string[] {
  const [first = ''] = browser.split(':');
  return first.split(' ').filter((word) => word !== '');
}
