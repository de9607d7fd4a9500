import { useEffect } from 'preact/hooks';
import { faviconLink } from '../../style/favicon-link.js';
import type { Tone } from '../status/status-look.js';

const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]');
const plainIcon = icon?.href ?? '';

/** Sets the title of the browser's tab, and its icon: that of a state, or the dashboard's own. */
export function usePageTitle(title: string, tone: Tone | null = null): void {
  useEffect(() => {
    document.title = `${title} – ClusterRunner`;
  }, [title]);
  useEffect(() => {
    if (icon !== null) {
      icon.href = tone === null ? plainIcon : faviconLink(tone);
    }
  }, [tone]);
}
