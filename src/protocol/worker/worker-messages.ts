import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { TestCountsSchema } from '../results/result-facts.js';
import { literals } from '../shapes.js';

/*
 * The messages between an executor and its worker: one JSON object a line. The worker reads requests from descriptor
 * REQUESTS, and writes messages to descriptor RESPONSES. docs/workers.md describes them for authors of workers.
 */

/** Rises with every change that an older worker would misunderstand. */
export const WORKER_PROTOCOL = 1;
/** The descriptor from which a worker reads requests. Its end asks the worker to exit. */
export const REQUESTS = 3;
/** The descriptor to which a worker writes its messages. */
export const RESPONSES = 4;
/** The longest line that a worker may write, without its end. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

const closed = { additionalProperties: false };

const RequestNumber = (description: string) => Type.Integer({ minimum: 1, description });

/**
 * Workers ignore fields that they do not know: later versions may add some. The environment is the last field, so that a worker
 * without a JSON parser can find the others.
 */
export const RunRequestSchema = Type.Object(
  {
    kind: Type.Literal('run'),
    request: RequestNumber('The number of this request; it rises by one with each request to this worker.'),
    atom: Type.Integer({ minimum: 0, description: 'The number of the atom in its build: ATOM_ID.' }),
    variable: Type.String({ description: "The atomizer's variable." }),
    value: Type.String({ description: 'The value of the variable: the atom.' }),
    artifact_dir: Type.String({ description: 'ARTIFACT_DIR: an existing folder.' }),
    console: Type.String({
      description:
        'Path of a pipe for stdout and stderr of the atom, which exists until the atom has ended. Open it for writing, without creating it, and close it at the end.',
    }),
    environment: Type.Record(Type.String(), Type.String(), {
      description: 'All variables that the atom has besides those of the worker, or that differ from them.',
    }),
  },
  closed,
);
export type RunRequest = Static<typeof RunRequestSchema>;

/** process: each atom runs in a process of its own. none: atoms run in the worker itself. */
export const workerIsolation = ['process', 'none'] as const;
export type WorkerIsolation = (typeof workerIsolation)[number];

export const ReadySchema = Type.Object(
  {
    kind: Type.Literal('ready'),
    protocol: Type.Integer({
      description: `The version of this protocol that the worker speaks: ${WORKER_PROTOCOL}.`,
    }),
    isolation: literals(workerIsolation, {
      description:
        '`process`: each atom runs in a process of its own, which leads a process group, and which has ended and been waited for when the atom is reported as ended. `none`: atoms run in the worker itself.',
    }),
  },
  closed,
);

export const BegunSchema = Type.Object(
  {
    kind: Type.Literal('begun'),
    request: RequestNumber('The number of the request whose atom begins now.'),
    process: Type.Optional(
      Type.Integer({
        minimum: 2,
        maximum: 2 ** 31 - 1,
        description: 'The process of the atom; required with isolation `process`, and absent with `none`.',
      }),
    ),
  },
  closed,
);

export const EndedSchema = Type.Object(
  {
    kind: Type.Literal('ended'),
    request: RequestNumber('The number of the request whose atom has ended.'),
    exit_code: Type.Integer({
      minimum: 0,
      maximum: 255,
      description: 'The verdict: 0 if the atom has passed; 128 + n if signal n ended its process.',
    }),
    tests: Type.Optional(TestCountsSchema),
  },
  closed,
);

export type WorkerMessage =
  | Static<typeof ReadySchema>
  | Static<typeof BegunSchema>
  | Static<typeof EndedSchema>;

/** How much of a wrong line is shown. */
const SHOWN_CHARS = 200;

/** Parses a line of a worker; `problem` completes "the worker wrote". */
export function parseWorkerMessage(line: string): WorkerMessage | { readonly problem: string } {
  const value = parsed(line);
  for (const schema of [ReadySchema, BegunSchema, EndedSchema] as const) {
    if (Value.Check(schema, value)) {
      return value;
    }
    if (kindOf(value) === schema.properties.kind.const) {
      const first = Value.Errors(schema, value).First();
      const where = `${first?.path || 'the message'}: ${first?.message ?? 'not valid'}`;
      return { problem: `a message that breaks its protocol (${where}): ${shown(line)}` };
    }
  }
  return { problem: `a line that is no message of its protocol: ${shown(line)}` };
}

function shown(line: string): string {
  return JSON.stringify(line.length > SHOWN_CHARS ? `${line.slice(0, SHOWN_CHARS)}…` : line);
}

function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'kind' in value ? value.kind : null;
}

/** null for text that is no JSON. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) {
      return null;
    }
    throw error;
  }
}
