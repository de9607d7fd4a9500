import { isDebugging } from '../lib/debug-topics.js';
import { maskCredentials } from '../lib/text/mask-credentials.js';
import { cleanLine } from '../lib/text/strip-control-chars.js';
import { textStart } from '../lib/text/text-ends.js';

/** One request with its response, or with what broke it. */
export interface Exchange {
  /** `->` from the side that sends the request, `<-` from the side that receives it. */
  readonly direction: '->' | '<-';
  /** The address or origin of the other side. */
  readonly peer: string;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** JSON; null for none and for a stream. */
  readonly request: string | null;
  /** A status, or the message of an error. */
  readonly outcome: number | string;
  /** JSON; null for none and for a stream. */
  readonly response: string | null;
  readonly milliseconds: number;
}

export type WireLog = (exchange: Exchange) => void;

/** UTF-16 units of a body that are shown. */
const SHOWN_UNITS = 2_000;
/** These let their holder act for their owner, so none of them reaches a log. */
const SECRET_FIELDS = /("(?:token|secret|password|lease_token)":")[^"]*"/g;
const SECRET_PARAMETERS = /([?&]token=)[^&]*/g;

/** One line. Headers are left out: signatures and digests are in them. */
export function formatExchange(exchange: Exchange): string {
  const { direction, peer, method, outcome } = exchange;
  const time = `${exchange.milliseconds.toFixed(1)} ms`;
  const target = exchange.target.replace(SECRET_PARAMETERS, '$1***');
  const parts = [
    `wire ${direction} ${peer} ${method} ${target}`,
    ...bodyText(exchange.request),
    typeof outcome === 'number' ? `= ${outcome} in ${time}` : `failed after ${time}: ${outcome}`,
    ...bodyText(exchange.response),
  ];
  return cleanLine(maskCredentials(parts.join(' ')));
}

function bodyText(body: string | null): string[] {
  if (body === null || body === '') {
    return [];
  }
  const masked = body.replace(SECRET_FIELDS, '$1***"');
  const shown = textStart(masked, SHOWN_UNITS);
  return [shown === masked ? shown : `${shown}… (${Buffer.byteLength(body)} bytes)`];
}

/** Writes exchanges to stderr with `CLUSTERRUNNER_DEBUG=wire`; null without. */
export function wireLogOf(env: NodeJS.ProcessEnv): WireLog | null {
  return isDebugging('wire', env)
    ? (exchange) => process.stderr.write(`${formatExchange(exchange)}\n`)
    : null;
}
