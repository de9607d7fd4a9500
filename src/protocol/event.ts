import { type Static, Type } from '@sinclair/typebox';

/** An entry of the event log. Ids always rise; gaps have no meaning. */
export const EventSchema = Type.Object(
  {
    id: Type.Integer({ minimum: 1 }),
    timestamp: Type.Number({ description: 'Seconds since the epoch.' }),
    tag: Type.String({ description: 'What happened, e.g. BUILD_ENDED.' }),
    data: Type.Record(Type.String(), Type.Unknown(), {
      description: 'Ids and facts of the build, subjob or slave.',
    }),
  },
  { description: 'With `format=0.x` also with the members that ClusterRunner 0.x gives it.' },
);
export type Event = Static<typeof EventSchema>;

/** Id, tag and time of an event under the names of ClusterRunner 0.x. */
export function classicMembers({ id, tag, timestamp }: Event): Readonly<Record<`__${string}__`, unknown>> {
  return { __id__: id, __tag__: tag, __timestamp__: timestamp };
}
