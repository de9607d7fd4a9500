import { Empty } from '../../parts/notices.js';
import { usePageTitle } from '../../parts/page-title.js';

/** Asks for a token. */
export function LoginPage() {
  usePageTitle('Sign in');
  return (
    <>
      <h1>Sign in</h1>
      <Empty title="This master asks for a token.">
        <p>
          Make one with <code>clusterrunner token</code>, and open <code>/ui/builds?token=TOKEN</code>.
        </p>
      </Empty>
    </>
  );
}
