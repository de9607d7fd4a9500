import { type Credentials, credentialSettings } from './git-credentials.js';
import { GIT_PROTOCOLS } from './validate-git-args.js';

/**
 * The environment of every git process: the caller's, without variables that lead git to another repository or make it prompt.
 *
 * The user's settings about access to repositories stay in effect: HOME, proxies, credential helpers, `url.….insteadOf`
 * (restricted to the allowed protocols), certificates, and filters such as LFS, which a project can choose but not define.
 * GIT_SSH_COMMAND is extended, so that it can name a key; GIT_CONFIG_GLOBAL, GIT_CONFIG_SYSTEM and GIT_CONFIG_COUNT apply.
 * GIT_CONFIG_PARAMETERS does not: git uses it to pass settings of one repository to its hooks. Hooks, templates, file system
 * monitors and `core.sshCommand` are switched off: they would run unexpected programs in a build.
 * @param protocols the protocols that git may use, wherever a URL comes from
 * @param credentials for the host of the repository
 * @param ceilings folders above which git must not search for a repository, for instance when ours is damaged
 */
export function gitEnvironment(
  env: Readonly<Record<string, string>>,
  gitStrictHostKeyChecking: boolean,
  ceilings: readonly string[],
  protocols: readonly string[] = GIT_PROTOCOLS,
  credentials: Credentials | null = null,
): Record<string, string> {
  const given = credentials === null ? { settings: [], env: {} } : credentialSettings(credentials);
  const inherited = Object.entries(env).filter(
    ([name]) => !/^(GIT_|SSH_ASKPASS)/.test(name) || KEPT.test(name),
  );
  const ssh = env.GIT_SSH_COMMAND ?? 'ssh';
  // A changed host key is refused in either case.
  const strict = gitStrictHostKeyChecking ? 'yes' : 'accept-new';
  return {
    ...Object.fromEntries(inherited),
    ...given.env,
    // Error messages of git are parsed.
    LC_ALL: 'C',
    LANGUAGE: '',
    GIT_TERMINAL_PROMPT: '0',
    // Empty, not absent: otherwise git would look for other prompt programs.
    GIT_ASKPASS: '',
    GCM_INTERACTIVE: 'never',
    GIT_SSH_COMMAND: `${ssh} -o BatchMode=yes -o StrictHostKeyChecking=${strict} -o ConnectTimeout=30 -o ServerAliveInterval=15 -o ServerAliveCountMax=8`,
    GIT_ALLOW_PROTOCOL: protocols.join(':'),
    GIT_CEILING_DIRECTORIES: ceilings.join(':'),
    // Empty: no templates with hooks, in submodules neither.
    GIT_TEMPLATE_DIR: '',
    ...settings([
      ...givenSettings(env),
      ...given.settings,
      ...Object.entries({
        // A background garbage collection would outlive the fetch that started it.
        'gc.autoDetach': 'false',
        'maintenance.autoDetach': 'false',
        'advice.detachedHead': 'false',
        'core.fsmonitor': 'false',
        'core.hooksPath': '/dev/null',
        // With these, git finds what a build has changed in a workspace that the next build reuses.
        'core.trustctime': 'true',
        'core.checkStat': 'default',
        // A user's setting could fetch submodules without the check of their protocols.
        'submodule.recurse': 'false',
        'fetch.recurseSubmodules': 'false',
        // Gives up a server that sends nothing for two minutes.
        'http.lowSpeedLimit': '1000',
        'http.lowSpeedTime': '120',
      }),
    ]),
  };
}

/** Variables of git about access to repositories and the location of the user's settings. */
const KEPT = /^GIT_(SSL_|LFS_|HTTP_|CONFIG_(GLOBAL|SYSTEM|NOSYSTEM)$|EXEC_PATH$)/;

type Setting = readonly [key: string, value: string];

/** The settings of GIT_CONFIG_COUNT, where CI systems put credentials and URLs; none when they are malformed. */
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
