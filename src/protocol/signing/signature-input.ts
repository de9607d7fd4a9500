/*
 * Signature-Input and Signature (RFC 9421, sections 4.1 and 4.2), as far as ClusterRunner accepts them: one signature that
 * covers exactly the four components, in any order and with any label. Everything else is refused, since two parsers could
 * read it in two ways.
 */

export interface SignatureInput {
  /** The covered components, in the order in which they are signed. */
  readonly components: readonly Component[];
  /** The value after the label, verbatim: it is signed too. */
  readonly params: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly expires: number;
  readonly nonce: string;
  /** The HMAC, in base64. */
  readonly signature: string;
}

const COMPONENTS = ['@method', '@path', '@query', 'content-digest'] as const;
export type Component = (typeof COMPONENTS)[number];

export const KEY_ID = 'clusterrunner';
export const ALGORITHM = 'hmac-sha256';

const INPUT =
  /^([a-z*][a-z0-9_.*-]{0,63})=(\(([^()]{1,200})\)((?:;[a-z]{1,16}=(?:\d{1,12}|"[\x20\x21\x23-\x5b\x5d-\x7e]{0,64}")){1,5}))$/;
const PARAMETER = /;([a-z]+)=(?:(\d+)|"([^"]*)")/g;
const SIGNATURE = /^([a-z*][a-z0-9_.*-]{0,63})=:([A-Za-z0-9+/]{43}=):$/;
const NONCE = /^[\x21-\x7e]{8,64}$/;

/** The form that ClusterRunner itself writes. Parsing it in the general way takes several times as long. */
const OWN =
  /^cr=(\("@method" "@path" "@query" "content-digest"\);created=(\d{1,12});expires=(\d{1,12});nonce="([\x21\x23-\x5b\x5d-\x7e]{8,64})";keyid="clusterrunner";alg="hmac-sha256")$/;

/** null when the two headers are not one such signature. */
export function readSignatureInput(input: string, signature: string): SignatureInput | null {
  return readOwn(input, signature) ?? readAny(input, signature);
}

function readOwn(input: string, signature: string): SignatureInput | null {
  const [, params, created, expires, nonce] = OWN.exec(input) ?? [];
  const [, label, mac] = SIGNATURE.exec(signature) ?? [];
  if (params === undefined || nonce === undefined || mac === undefined || label !== 'cr') {
    return null;
  }
  return {
    components: COMPONENTS,
    params,
    created: Number(created),
    expires: Number(expires),
    nonce,
    signature: mac,
  };
}

function readAny(input: string, signature: string): SignatureInput | null {
  const [, label, params, list = '', tail = ''] = INPUT.exec(input) ?? [];
  const [, signatureLabel, mac] = SIGNATURE.exec(signature) ?? [];
  const components = readComponents(list);
  const given = readParameters(tail);
  if (params === undefined || mac === undefined || label !== signatureLabel) {
    return null;
  }
  if (components === null || given === null) {
    return null;
  }
  return { components, params, ...given, signature: mac };
}

/** null unless each of the four is listed once. */
function readComponents(list: string): Component[] | null {
  const names = list.split(' ');
  const known = COMPONENTS.flatMap((component) => (names.includes(`"${component}"`) ? [component] : []));
  if (names.length !== COMPONENTS.length || known.length !== COMPONENTS.length) {
    return null;
  }
  return known.sort((a, b) => names.indexOf(`"${a}"`) - names.indexOf(`"${b}"`));
}

function readParameters(tail: string): { created: number; expires: number; nonce: string } | null {
  const numbers = new Map<string, number>();
  const texts = new Map<string, string>();
  for (const [, name = '', number, text] of tail.matchAll(PARAMETER)) {
    if (numbers.has(name) || texts.has(name)) {
      return null;
    }
    if (number !== undefined) {
      numbers.set(name, Number(number));
    } else if (text !== undefined) {
      texts.set(name, text);
    }
  }
  const created = numbers.get('created');
  const expires = numbers.get('expires');
  const nonce = texts.get('nonce') ?? '';
  const algorithm = texts.get('alg') ?? ALGORITHM;
  const known = new Set(['created', 'expires', 'nonce', 'keyid', 'alg']);
  if (
    created === undefined ||
    expires === undefined ||
    !NONCE.test(nonce) ||
    texts.get('keyid') !== KEY_ID ||
    algorithm !== ALGORITHM ||
    ![...numbers.keys(), ...texts.keys()].every((name) => known.has(name))
  ) {
    return null;
  }
  return { created, expires, nonce };
}
