import { DEBUG_VARIABLE, debugTopics, unknownTopics } from '../lib/debug-topics.js';
import { invalid, type RawValue } from './config-source.js';
import { keyEntries } from './schema.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export const CONFIG_FILE_VARIABLE = 'CLUSTERRUNNER_CONFIG_FILE';
const PREFIX = 'CLUSTERRUNNER_';

/** Variables of ClusterRunner with the prefix that are not keys. */
const otherNames: readonly string[] = [CONFIG_FILE_VARIABLE, DEBUG_VARIABLE];

/**
 * Kubernetes sets these in every container for a service whose name begins with "clusterrunner". They are neither
 * settings nor typing errors.
 */
const KUBERNETES_NAME = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)$/;
const KUBERNETES_PORT = /^(tcp|udp|sctp):\/\//;

/**
 * The settings in the environment, by `section.key`. An empty variable is not set.
 * @throws ClusterRunnerError CONFIG_INVALID for a variable with the prefix that is no setting
 */
export function readEnvironment(env: Environment): Map<string, RawValue> {
  const set = new Map<string, string>();
  for (const [name, text] of Object.entries(env)) {
    if (text !== undefined && text !== '' && name.startsWith(PREFIX) && !isOfKubernetes(name, text)) {
      set.set(name, text);
    }
  }
  const known = new Set([...keyEntries.flatMap((entry) => entry.env), ...otherNames]);
  for (const name of set.keys()) {
    if (!known.has(name)) {
      throw invalid(
        `The environment variable ${name} is no setting of ClusterRunner; correct its name or unset it. ` +
          `The settings are ${[...known].join(', ')}.`,
      );
    }
  }
  const [unknown] = unknownTopics(env);
  if (unknown !== undefined) {
    throw invalid(
      `${DEBUG_VARIABLE} names "${unknown}", which is no topic of debugging; the topics are ${debugTopics.join(', ')}.`,
    );
  }
  const found = new Map<string, RawValue>();
  for (const { fullName, env: names } of keyEntries) {
    const name = names.find((candidate) => set.has(candidate));
    const text = name === undefined ? undefined : set.get(name);
    if (text !== undefined) {
      found.set(fullName, { text, source: `The environment variable ${name}` });
    }
  }
  return found;
}

function isOfKubernetes(name: string, text: string): boolean {
  return KUBERNETES_NAME.test(name) || (name.endsWith('_PORT') && KUBERNETES_PORT.test(text));
}
