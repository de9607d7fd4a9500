import { type Static, Type } from '@sinclair/typebox';

/** Hours for which the master keeps the utilization. */
export const HOURS_OF_UTILIZATION = 24;

const column = (description: string) => Type.Array(Type.Number({ minimum: 0 }), { description });

/** Columns of the same length, one entry for each minute. */
export const UtilizationSchema = Type.Object({
  at: column('Beginnings of the minutes, in seconds since the epoch.'),
  num_executors: column('Executors of connected slaves.'),
  num_executors_busy: column('Executors that had work.'),
  num_waiting: column('Subjobs and preparations that waited for an executor.'),
});
export type Utilization = Static<typeof UtilizationSchema>;
