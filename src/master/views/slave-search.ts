import type { SlaveOrder, SlaveState } from '../../protocol/slave/slave-list.js';
import type { SlaveSearch } from '../state/master-api.js';

/** The facts by which slaves are chosen and ordered. */
export interface SoughtSlave {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly state: SlaveState;
  readonly reason: string | null;
  readonly executorsInUse: number;
  /** null when it is not known. */
  readonly freeDiskBytes: number | null;
  readonly lastSeen: number;
}

const byTrouble: readonly SlaveState[] = ['SUSPECT', 'SICK', 'DRAINING', 'CONNECTED', 'GONE'];
type Compare = (a: SoughtSlave, b: SoughtSlave) => number;

const comparisons: Readonly<Record<Exclude<SlaveOrder, 'name'>, Compare>> = {
  id: () => 0,
  '-busy': (a, b) => b.executorsInUse - a.executorsInUse,
  free_disk: (a, b) => (a.freeDiskBytes ?? Number.MAX_VALUE) - (b.freeDiskBytes ?? Number.MAX_VALUE),
  last_seen: (a, b) => a.lastSeen - b.lastSeen,
  trouble_first: (a, b) => byTrouble.indexOf(a.state) - byTrouble.indexOf(b.state),
};

/** Longer numbers are rare, and only their order suffers. */
const MOST_DIGITS = 12;

/** So that slave-2 comes before slave-10. A collator takes several times as long for ten thousand names. */
function nameKey(name: string): string {
  return name.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(MOST_DIGITS, '0'));
}

/** Each name gets its key once. */
function compareNames(slaves: readonly SoughtSlave[]): Compare {
  const keys = new Map(slaves.map(({ id, name }) => [id, nameKey(name)]));
  return (a, b) => {
    const [key = '', other = ''] = [keys.get(a.id), keys.get(b.id)];
    return key === other ? 0 : key < other ? -1 : 1;
  };
}

/** The slaves that match, in the order that is wanted, and by their ids where it does not decide. */
export function searchSlaves<Slave extends SoughtSlave>(
  slaves: readonly Slave[],
  { states, text = '', order = 'id' }: SlaveSearch,
): Slave[] {
  const sought = text.toLowerCase();
  const contains = (value: string | null) => value?.toLowerCase().includes(sought) === true;
  const found = slaves.filter(({ state, name, version, reason }) => {
    const isOfState = states === undefined || states.has(state);
    return isOfState && (sought === '' || contains(name) || contains(version) || contains(reason));
  });
  const compare: Compare = order === 'name' ? () => 0 : comparisons[order];
  const byName: Compare = order === 'name' || order === 'trouble_first' ? compareNames(found) : () => 0;
  return found.sort((a, b) => compare(a, b) || byName(a, b) || a.id - b.id);
}
