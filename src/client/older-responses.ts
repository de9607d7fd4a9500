import type { TSchema } from '@sinclair/typebox';
import { type Build, BuildSchema } from '../protocol/build/build.js';
import { type Atom, AtomSchema } from '../protocol/build/work.js';
import { routes } from '../protocol/routes.js';
import { type Slave, SlaveSchema } from '../protocol/slave/slave-messages.js';

/*
 * The values of fields that older masters do not send. A field that is added to a response gets its line here: otherwise
 * commands of this version do not work with a master that was not updated.
 */

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const ofBuild = (): Partial<Build> => ({
  atom_variables: [],
  interrupted_atoms: null,
  revision: null,
  num_atoms_cached: 0,
});

/** In older lists of failed and flaky atoms, an atom has only its names and its error. */
const ofAtom = ({ error }: Fields): Partial<Atom> => ({
  state: 'COMPLETED',
  outcome: typeof error === 'string' ? 'LOST' : null,
  slave: null,
  num_retries: 0,
  exit_code: null,
  expected_time: null,
  actual_time: null,
  started_at: null,
  cached_from: null,
  not_cached: null,
  tests: null,
  num_bad_reports: 0,
  num_left_out: 0,
});

const ofSlave = ({
  state,
  current_builds: builds,
}: Fields): Fields & Partial<Omit<Slave, 'current_build_id'>> => ({
  num_unremovable: 0,
  current_build_id: Array.isArray(builds) ? (builds[0] ?? null) : null,
  is_alive: state !== 'GONE',
  is_in_shutdown_mode: state === 'DRAINING',
  session_id: '',
});

const ofQueue = ({ builds }: Fields): Fields => ({ queue: builds });

const absent = new Map<TSchema, (sent: Fields) => Fields>([
  [BuildSchema, ofBuild],
  [AtomSchema, ofAtom],
  [SlaveSchema, ofSlave],
  [routes.queue.response, ofQueue],
]);

/** The fields that an object of this schema gets when its master does not send them. */
export function defaultsForMissingFields(schema: TSchema, sent: Fields): Fields {
  return absent.get(schema)?.(sent) ?? {};
}
