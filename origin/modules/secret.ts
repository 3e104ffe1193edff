/** A value that must not be printed: it shows itself as `[secret]` wherever text is made of it, and gives itself up only to `reveal`. */
import { inspect } from "node:util";

/** Holds one secret text. */
export class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  /** The text itself. Call it where the text leaves for its destination, nowhere else. */
  reveal(): string {
    return this.#text;
  }
  toString(): string {
    return "[secret]";
  }
  toJSON(): string {
    return "[secret]";
  }
  [inspect.custom](): string {
    return "[secret]";
  }
}
