import type { TSchema } from '@sinclair/typebox';
import { type Build, BuildSchema } from '../protocol/build/build.js';
import { type Atom, AtomSchema } from '../protocol/build/work.js';
import { routes } from '../protocol/routes.js';
import { type Slave, SlaveSchema } from '../protocol/slave/slave-messages.js';

/*
 * Fields that were added to answers, and what they are of a master that does not send them yet. A field that is added
 * to an answer gets its line here: otherwise commands of this version are of no use at a master that was not updated.
 */

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const ofBuild = (): Partial<Build> => ({ atom_variables: [], interrupted_atoms: null, revision: null });

/** The lists of failed and of flaky atoms had no more of each than what names it, and why it was lost. */
const ofAtom = ({ error }: Fields): Partial<Atom> => ({
  state: 'COMPLETED',
  outcome: typeof error === 'string' ? 'LOST' : null,
  slave: null,
  num_retries: 0,
  exit_code: null,
  expected_time: null,
  actual_time: null,
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

/** What an object of this schema has where its master does not know the field. */
export function defaultsForMissingFields(schema: TSchema, sent: Fields): Fields {
  return absent.get(schema)?.(sent) ?? {};
}
