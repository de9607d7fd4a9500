/** The effect of moving pressed pointers on a view. */
export interface PointerMove {
  /** Pixels to the right. */
  readonly by: number;
  /** How many times as much is visible. */
  readonly factor: number;
  /** The place between the pointers. */
  readonly around: number;
}

/** Less is no move but a click of an unsteady hand. */
const STEADY = 4;

/** The pressed pointers: one moves the view, and two zoom it. */
export class PressedPointers {
  readonly #places = new Map<number, number>();
  #path = 0;

  get isPressed(): boolean {
    return this.#places.size > 0;
  }

  /** Whether the pointers have stayed at their places since the first was pressed. */
  get isClick(): boolean {
    return this.#path < STEADY;
  }

  press(pointer: number, x: number): void {
    if (this.#places.size === 0) {
      this.#path = 0;
    }
    this.#places.set(pointer, x);
  }

  release(pointer: number): void {
    this.#places.delete(pointer);
  }

  /** null for a pointer that is not pressed, and until it is clear that this is no click. */
  move(pointer: number, x: number): PointerMove | null {
    const before = this.#places.get(pointer);
    if (before === undefined) {
      return null;
    }
    const others = [...this.#places].filter(([id]) => id !== pointer).map(([, place]) => place);
    const wasClick = this.isClick;
    this.#path += Math.abs(x - before);
    if (wasClick && this.isClick) {
      this.#places.set(pointer, before);
      this.#path = Math.abs(x - before);
      return null;
    }
    this.#places.set(pointer, x);
    const [other] = others;
    if (other === undefined) {
      return { by: x - before, factor: 1, around: x };
    }
    const distance = (place: number) => Math.max(10, Math.abs(place - other));
    return { by: (x - before) / 2, factor: distance(before) / distance(x), around: (x + other) / 2 };
  }
}
