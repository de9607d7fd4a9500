import { type Credentials, credentialSettings } from './git-credentials.js';
import { GIT_PROTOCOLS } from './validate-git-args.js';

/**
 * The environment of every git: that of the caller without what could lead git to another repository or make it
 * ask a question, and with what keeps it in ours. HOME and proxies stay, and of the settings of the user who runs it
 * what says how repositories are reached: credential helpers, `url.….insteadOf` (which leads to the allowed protocols
 * only), certificates, and filters such as LFS, which a project can choose but not define. The caller's
 * GIT_SSH_COMMAND stays as the base of ours, so that a key can be named there, and its GIT_CONFIG_GLOBAL, GIT_CONFIG_SYSTEM and
 * GIT_CONFIG_COUNT hold; GIT_CONFIG_PARAMETERS does not, in which git hands what was meant for one repository to its hooks. Hooks, templates, a watcher of files and
 * `core.sshCommand` have no effect: they would run programs that nobody expects in a build.
 * @param protocols that git may use, wherever an address comes from
 * @param credentials for the host of the repository
 * @param ceilings folders above which git must not look for a repository, when ours is damaged for instance
 */
export function gitEnvironment(
  env: Readonly<Record<string, string>>,
  gitStrictHostKeyChecking: boolean,
  ceilings: readonly string[],
  protocols: readonly string[] = GIT_PROTOCOLS,
  credentials: Credentials | null = null,
): Record<string, string> {
  const given = credentials === null ? { settings: [], env: {} } : credentialSettings(credentials);
  const kept = Object.entries(env).filter(([name]) => !/^(GIT_|SSH_ASKPASS)/.test(name) || KEPT.test(name));
  const ssh = env.GIT_SSH_COMMAND ?? 'ssh';
  // A key that has changed is refused in either case.
  const strict = gitStrictHostKeyChecking ? 'yes' : 'accept-new';
  return {
    ...Object.fromEntries(kept),
    ...given.env,
    // Errors are told apart by git's own words.
    LC_ALL: 'C',
    LANGUAGE: '',
    GIT_TERMINAL_PROMPT: '0',
    // Empty, not absent: git would look for other programs that ask.
    GIT_ASKPASS: '',
    GCM_INTERACTIVE: 'never',
    GIT_SSH_COMMAND: `${ssh} -o BatchMode=yes -o StrictHostKeyChecking=${strict} -o ConnectTimeout=30 -o ServerAliveInterval=15 -o ServerAliveCountMax=8`,
    GIT_ALLOW_PROTOCOL: protocols.join(':'),
    GIT_CEILING_DIRECTORIES: ceilings.join(':'),
    // Empty: no templates, and so no hooks of theirs, not in submodules either.
    GIT_TEMPLATE_DIR: '',
    ...settings([
      ...givenSettings(env),
      ...given.settings,
      ...Object.entries({
        // A collection in the background would outlive the fetch that started it.
        'gc.autoDetach': 'false',
        'maintenance.autoDetach': 'false',
        'advice.detachedHead': 'false',
        'core.fsmonitor': 'false',
        'core.hooksPath': '/dev/null',
        // By these git finds what a build has changed in a workspace that the next one uses.
        'core.trustctime': 'true',
        'core.checkStat': 'default',
        // A setting of the user's could fetch submodules where their protocols are not checked.
        'submodule.recurse': 'false',
        'fetch.recurseSubmodules': 'false',
        // A server that stands still for two minutes is given up.
        'http.lowSpeedLimit': '1000',
        'http.lowSpeedTime': '120',
      }),
    ]),
  };
}

/** Of git's own variables those that say how repositories are reached, and where the settings of the user are. */
const KEPT = /^GIT_(SSL_|LFS_|HTTP_|CONFIG_(GLOBAL|SYSTEM|NOSYSTEM)$|EXEC_PATH$)/;

type Setting = readonly [key: string, value: string];

/** Those of GIT_CONFIG_COUNT, in which CI systems put credentials and addresses; none where git would refuse them. */
function givenSettings(env: Readonly<Record<string, string>>): Setting[] {
  const { GIT_CONFIG_COUNT: count = '' } = env;
  const given: Setting[] = [];
  for (let index = 0; /^\d{1,4}$/.test(count) && index < Number(count); index += 1) {
    const { [`GIT_CONFIG_KEY_${index}`]: key, [`GIT_CONFIG_VALUE_${index}`]: value } = env;
    if (key === undefined || value === undefined) {
      return [];
    }
    given.push([key, value]);
  }
  return given;
}

function settings(entries: readonly Setting[]): Record<string, string> {
  const env: Record<string, string> = { GIT_CONFIG_COUNT: String(entries.length) };
  for (const [index, [key, value]] of entries.entries()) {
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return env;
}
