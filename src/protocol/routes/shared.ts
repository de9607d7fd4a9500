import { Type } from '@sinclair/typebox';
import { AtomIdSchema, BuildIdSchema, JobIdSchema, SlaveIdSchema, SubjobIdSchema } from '../ids.js';

export const closed = { additionalProperties: false };
export const nothing = Type.Object({}, closed);

export const ofBuild = Type.Object({ buildId: BuildIdSchema }, closed);
export const ofSubjob = Type.Object({ buildId: BuildIdSchema, subjobId: SubjobIdSchema }, closed);
export const ofAtom = Type.Object({ buildId: BuildIdSchema, atomId: AtomIdSchema }, closed);
export const ofAtomInSubjob = Type.Object(
  { buildId: BuildIdSchema, subjobId: SubjobIdSchema, atomId: AtomIdSchema },
  closed,
);
export const ofJob = Type.Object({ jobId: JobIdSchema }, closed);
export const ofSlave = Type.Object({ slaveId: SlaveIdSchema }, closed);
export const ofSlaveAndBuild = Type.Object({ slaveId: SlaveIdSchema, buildId: BuildIdSchema }, closed);
export const ofSlaveAndSubjob = Type.Object(
  { slaveId: SlaveIdSchema, buildId: BuildIdSchema, subjobId: SubjobIdSchema },
  closed,
);

/** Most rows in one response of a list that is in memory, and of events. */
export const MAX_PAGE = 1000;
export const pageFields = {
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: 100 })),
};
export const page = Type.Object(pageFields, closed);
/** Page of a list that is streamed: all rows unless a limit is given. */
export const anyPage = Type.Object(
  {
    offset: pageFields.offset,
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'All rows unless given.' }),
    ),
  },
  closed,
);
/** The number of all rows, with a page of them. */
export const total = Type.Integer({
  description: 'Number of all rows, not only those of this page; in a search, of those that match.',
});
