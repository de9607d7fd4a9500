/** Whether consoles may keep their colors: on a terminal that has some, unless NO_COLOR or TERM=dumb forbids it. */
export function showsColors(out: NodeJS.WriteStream): boolean {
  return out.isTTY === true && out.hasColors();
}
