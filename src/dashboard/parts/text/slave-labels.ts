import type { SlaveId } from '../../../protocol/ids.js';

interface NamedSlave {
  readonly id: SlaveId;
  readonly name: string;
}

/** How slaves are called among these: by their names, and `name (#7)` where several have the same. */
export function slaveLabels(slaves: readonly NamedSlave[]): (slave: NamedSlave) => string {
  const ids = new Map<string, SlaveId>();
  const shared = new Set<string>();
  for (const { id, name } of slaves) {
    if ((ids.get(name) ?? id) !== id) {
      shared.add(name);
    }
    ids.set(name, id);
  }
  return ({ id, name }) => (shared.has(name) ? `${name} (#${id})` : name);
}
