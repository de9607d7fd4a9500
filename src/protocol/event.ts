import { type Static, Type } from '@sinclair/typebox';

/** One line of the event log: what changed, and when. Ids rise for ever; a gap means nothing. */
export const EventSchema = Type.Object(
  {
    id: Type.Integer({ minimum: 1 }),
    timestamp: Type.Number({ description: 'Seconds since the epoch.' }),
    tag: Type.String({ description: 'What happened, e.g. BUILD_ENDED.' }),
    data: Type.Record(Type.String(), Type.Unknown(), {
      description: 'Ids and facts of what it happened to.',
    }),
  },
  { additionalProperties: false },
);
export type Event = Static<typeof EventSchema>;
