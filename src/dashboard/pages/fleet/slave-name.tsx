import type { Slave } from '../../../protocol/slave/slave-messages.js';

/** The name of a slave, with its id where another one has the same name. */
export function SlaveName({ slave: { id, name, shares_name: isShared } }: { readonly slave: Slave }) {
  return (
    <>
      <bdi>{name}</bdi>
      {isShared === true && ` (#${id})`}
    </>
  );
}
