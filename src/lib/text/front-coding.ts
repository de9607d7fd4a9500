/** Texts of which neighbors begin alike, such as paths in their order, without these repetitions. */
export interface FrontCoded {
  /** How many UTF-16 units each text has in common with the one before it. */
  readonly shared: readonly number[];
  /** The rest of each text. */
  readonly rests: readonly string[];
}

export function frontCoded(texts: readonly string[]): FrontCoded {
  const shared = texts.map((text, place) => sharedUnits(texts[place - 1] ?? '', text));
  return { shared, rests: texts.map((text, place) => text.slice(shared[place])) };
}

export function frontDecoded({ shared, rests }: FrontCoded): string[] {
  let last = '';
  return rests.map((rest, place) => {
    last = last.slice(0, shared[place]) + rest;
    return last;
  });
}

function sharedUnits(one: string, other: string): number {
  let units = 0;
  while (units < one.length && one.charCodeAt(units) === other.charCodeAt(units)) {
    units += 1;
  }
  return units;
}
