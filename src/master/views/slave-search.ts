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
/** So that slave-2 comes before slave-10, whatever the language of the machine. */
const { compare: compareNames } = new Intl.Collator('en', { numeric: true });

const comparisons: Readonly<Record<SlaveOrder, (a: SoughtSlave, b: SoughtSlave) => number>> = {
  id: () => 0,
  name: (a, b) => compareNames(a.name, b.name),
  '-busy': (a, b) => b.executorsInUse - a.executorsInUse,
  free_disk: (a, b) => (a.freeDiskBytes ?? Number.MAX_VALUE) - (b.freeDiskBytes ?? Number.MAX_VALUE),
  last_seen: (a, b) => a.lastSeen - b.lastSeen,
  trouble_first: (a, b) =>
    byTrouble.indexOf(a.state) - byTrouble.indexOf(b.state) || compareNames(a.name, b.name),
};

/** The slaves that match, in the order that is wanted, and by their ids where it does not decide. */
export function searchSlaves<Slave extends SoughtSlave>(
  slaves: readonly Slave[],
  { states, text = '', order = 'id' }: SlaveSearch,
): Slave[] {
  const sought = text.toLowerCase();
  const contains = (value: string | null) => value?.toLowerCase().includes(sought) === true;
  const compare = comparisons[order];
  return slaves
    .filter(({ state, name, version, reason }) => {
      const isOfState = states === undefined || states.has(state);
      return isOfState && (sought === '' || contains(name) || contains(version) || contains(reason));
    })
    .sort((a, b) => compare(a, b) || a.id - b.id);
}
