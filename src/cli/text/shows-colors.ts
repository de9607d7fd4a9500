/** Whether what others wrote may keep its colors: on a terminal that has some, unless NO_COLOR or TERM=dumb forbids. */
export function showsColors(out: NodeJS.WriteStream): boolean {
  return out.isTTY === true && out.hasColors();
}
