import { startDetached } from '../../process/start-detached.js';
import { browserCommand } from './browser-command.js';

/**
 * Opens a link in the browser of this user, and does not wait for it.
 * @param warn called when that is not possible, which may be later
 */
export function openLink(link: string, warn: (message: string) => void): void {
  const command = browserCommand(link, { platform: process.platform, env: process.env });
  if (command === null) {
    warn(
      'No browser is opened: there is no display here (DISPLAY, WAYLAND_DISPLAY), and BROWSER is not set.',
    );
    return;
  }
  startDetached(command.file, command.args).then((problem) => {
    if (problem !== null) {
      warn(`No browser is opened: ${problem}.`);
    }
  });
}
