import { useEffect } from 'preact/hooks';
import { faviconLink } from '../../style/favicon-link.js';
import type { Tone } from '../status/status-look.js';

const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]');
const plainIcon = icon?.href ?? '';

/** As much of a title as tabs and lists of windows show, in whole characters. */
const SHOWN_TITLE = /^.{0,120}/su;

/** Sets the title of the browser's tab, and its icon: that of a state, or the dashboard's own. */
export function usePageTitle(title: string, tone: Tone | null = null): void {
  useEffect(() => {
    const [shown = ''] = SHOWN_TITLE.exec(title) ?? [];
    document.title = `${shown}${shown === title ? '' : '…'} – ClusterRunner`;
  }, [title]);
  useEffect(() => {
    if (icon !== null) {
      icon.href = tone === null ? plainIcon : faviconLink(tone);
    }
  }, [tone]);
}
