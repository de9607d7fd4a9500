import type { Register, WorkRequest } from '../../src/protocol/slave/slave-messages.js';

/** The registration of a slave that is not run. */
export const named: Register = {
  name: 'host',
  instance: 'instance-1',
  num_executors: 1,
  url: null,
  version: '1',
};

/** Its poll request, which the master holds while there is no work. */
export const pollRequest: WorkRequest = {
  instance: named.instance,
  free_executors: 1,
  wait_seconds: 60,
  leases: [],
  poll: 1,
  open_polls: [],
  builds: [],
};
