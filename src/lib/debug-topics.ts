export const DEBUG_VARIABLE = 'CLUSTERRUNNER_DEBUG';

/** The topics that DEBUG_VARIABLE can name, separated by commas. */
export const debugTopics = ['wire'] as const;
export type DebugTopic = (typeof debugTopics)[number];

type Environment = Readonly<Record<string, string | undefined>>;

export function isDebugging(topic: DebugTopic, env: Environment): boolean {
  return topicsOf(env).includes(topic);
}

/** The names in DEBUG_VARIABLE that are no topics. */
export function unknownTopics(env: Environment): string[] {
  const known: readonly string[] = debugTopics;
  return topicsOf(env).filter((name) => !known.includes(name));
}

function topicsOf(env: Environment): string[] {
  return (env[DEBUG_VARIABLE] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
