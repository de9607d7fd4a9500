/** The user and password of a URL, for its host only. */
export interface Credentials {
  /** Scheme, host and port, for git's `credential.<url>.…`. */
  readonly base: string;
  readonly username: string;
  /** null: the URL only has a user. */
  readonly password: string | null;
}

const WITH_USER = /^((?:https?|ssh|git):\/\/)([^/?#]*)@([^/?#@]*)(.*)$/is;

/**
 * Splits a URL into one without credentials, and the credentials. The user stays in a URL that is not HTTP, since it is not a
 * secret there: `git@host`.
 */
export function splitCredentials(url: string): {
  readonly url: string;
  readonly credentials: Credentials | null;
} {
  const [, scheme = '', userinfo = '', host = '', rest = ''] = WITH_USER.exec(url) ?? [];
  if (scheme === '') {
    return { url, credentials: null };
  }
  const [user = '', ...more] = userinfo.split(':');
  const password = more.length === 0 ? null : decoded(more.join(':'));
  const isHttp = /^http/i.test(scheme);
  return {
    url: isHttp || user === '' ? `${scheme}${host}${rest}` : `${scheme}${user}@${host}${rest}`,
    credentials:
      isHttp || password !== null ? { base: scheme + host, username: decoded(user), password } : null,
  };
}

/** Why git cannot use the credentials of this URL, to be appended to its name; null when it can. */
export function credentialsProblem(url: string): string | null {
  const { credentials } = splitCredentials(url);
  if (credentials === null) {
    return null;
  }
  if (!/^http/i.test(credentials.base)) {
    return 'has a password, which only HTTP takes; leave it out, and give the slave a key';
  }
  return /[\0\r\n\ufffd]/.test(`${credentials.username}${credentials.password}`)
    ? 'has a user or password that is not one line of UTF-8'
    : null;
}

/** Decodes like git: a `%` without two hexadecimal digits stands for itself. */
function decoded(text: string): string {
  const bytes = Buffer.from(text).toString('latin1');
  const plain = bytes.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(plain, 'latin1').toString('utf8');
}

const USERNAME = 'CLUSTERRUNNER_GIT_USERNAME';
const PASSWORD = 'CLUSTERRUNNER_GIT_PASSWORD';
const HELPER = `!f() { if test "$1" = get; then printf 'username=%s\\npassword=%s\\n' "$${USERNAME}" "$${PASSWORD}"; fi; }; f`;

/**
 * By which git finds credentials in its environment. They then stand neither among its arguments, which every user of the
 * machine may read, nor in a file. Git asks for them by host, so that a redirection to another host does not get them.
 */
export function credentialSettings({ base, username, password }: Credentials): {
  readonly settings: readonly (readonly [key: string, value: string])[];
  readonly env: Readonly<Record<string, string>>;
} {
  if (password === null) {
    return { settings: [[`credential.${base}.username`, username]], env: {} };
  }
  return {
    // An empty helper resets the list: the user's own helpers neither supply nor store these.
    settings: [
      [`credential.${base}.helper`, ''],
      [`credential.${base}.helper`, HELPER],
    ],
    env: { [USERNAME]: username, [PASSWORD]: password },
  };
}
