import { useEffect, useState } from 'preact/hooks';
import { ApiProblem } from '../../api/api-problem.js';
import { linkProblem, loadSession, signIn } from '../../api/browser-session.js';
import { ProblemNotice } from '../../parts/page/notices.js';
import { usePageTitle } from '../../parts/text/page-title.js';
import { address, navigate } from '../../router/location.js';
import { returnPath } from '../../router/return-path.js';

/** Asks for a token, and then returns to the page that needed it. */
export function LoginPage() {
  usePageTitle('Sign in');
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<ApiProblem | null>(linkProblem.value);
  const [isBusy, setBusy] = useState(false);
  const { searchParams } = address.value;
  const isRequired = searchParams.has('required');
  const leave = () => navigate(returnPath(searchParams.get('to')), { replace: true });
  useEffect(() => {
    linkProblem.value = null;
    if (isRequired) {
      // Another tab may have signed in meanwhile.
      loadSession().then((permitted) => permitted?.may_read === true && leave());
    }
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await signIn(token);
      leave();
    } catch (error) {
      if (!(error instanceof ApiProblem)) {
        throw error;
      }
      setProblem(error);
      setBusy(false);
    }
  };
  return (
    <form class="login" onSubmit={submit}>
      <h1>Sign in</h1>
      <p>
        {isRequired
          ? 'This master asks for a token, or the one that you had has expired.'
          : 'A control token permits canceling and rerunning builds, and draining slaves.'}
      </p>
      <ProblemNotice problem={problem} />
      <label>
        Token
        <input
          type="password"
          name="token"
          autocomplete="current-password"
          required
          value={token}
          onInput={({ currentTarget }) => setToken(currentTarget.value)}
        />
      </label>
      <button type="submit" disabled={isBusy}>
        {isBusy ? 'Signing in…' : 'Sign in'}
      </button>
      <p class="quiet">
        Make one where the secret of the master is: <code>clusterrunner token</code> to read,{' '}
        <code>clusterrunner token --control</code> to act too.
      </p>
    </form>
  );
}
