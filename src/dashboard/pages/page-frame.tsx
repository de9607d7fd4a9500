import type { ComponentChildren } from 'preact';
import { hasSessionEnded, isSignedIn, signInPath, signOut } from '../api/browser-session.js';
import { masterStatus } from '../api/master-status.js';
import { clusterHasEnded, masterVersion } from '../api/master-version.js';
import { ShortcutHelp } from '../parts/keys/shortcut-help.js';
import { useShortcuts } from '../parts/keys/shortcuts.js';
import { ThemeButton } from '../parts/page/theme-button.js';
import { navigate, target } from '../router/location.js';

const links = [
  { page: 'builds', label: 'Builds' },
  { page: 'queue', label: 'Queue' },
  { page: 'fleet', label: 'Fleet' },
  { page: 'jobs', label: 'Jobs' },
] as const;

/** The parts around each page: navigation, and the banner while the master is away. */
export function PageFrame({ children }: { readonly children: ComponentChildren }) {
  const { page } = target.value;
  useShortcuts(
    links.map(({ page, label }) => ({
      keys: `g ${page.charAt(0)}`,
      label: `Go to the ${label.toLowerCase()}`,
      run: () => navigate(`/ui/${page}`),
    })),
  );
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="frame">
        <a class="brand" href="/ui/builds">
          ClusterRunner
        </a>
        <nav class="links" aria-label="Pages">
          {links.map((link) => (
            <a
              key={link.page}
              href={`/ui/${link.page}`}
              aria-current={isWithin(page, link.page) ? 'page' : undefined}
            >
              {link.label}
            </a>
          ))}
        </nav>
        <SessionLink />
        <ShortcutHelp />
        <ThemeButton />
      </header>
      {masterStatus.value === 'away' &&
        (clusterHasEnded.value ? (
          <p class="banner quiet" role="status">
            This cluster ended with its build. <code>clusterrunner ui</code> shows past builds.
          </p>
        ) : (
          <p class="banner" role="status">
            The master is away. This page shows what was last known, and goes on by itself when the master is
            back.
          </p>
        ))}
      {hasSessionEnded.value && page !== 'login' && (
        <p class="banner" role="status">
          Your session has ended, so buttons that change something are gone.{' '}
          <a href={signInPath()}>Sign in again</a>
        </p>
      )}
      {masterVersion.value?.past_builds === true && (
        <p class="banner">
          These are past builds, as a master that has stopped left them in its directory. Nothing here is
          live, and nothing can be changed.
        </p>
      )}
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function SessionLink() {
  if (isSignedIn.value) {
    return (
      <button type="button" class="bare" onClick={signOut}>
        Sign out
      </button>
    );
  }
  return target.value.page === 'login' ? null : (
    <a class="quiet" href={signInPath()}>
      Sign in
    </a>
  );
}

function isWithin(page: string, link: string): boolean {
  const parents: Readonly<Record<string, string>> = { build: 'builds', atom: 'builds', job: 'jobs' };
  return page === link || parents[page] === link;
}
