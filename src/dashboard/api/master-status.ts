import { signal } from '@preact/signals';

/** Whether the master responds to this browser, as far as the last exchange shows. */
export type MasterStatus = 'here' | 'away' | 'signed-out';

export const masterStatus = signal<MasterStatus>('here');
