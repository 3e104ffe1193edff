/**
 * How much structure a JSON text may have, counted in its bytes as they arrive and before anything is parsed: a million tiny objects
 * take fifty times the memory of their text, and seconds of everybody's time. Long texts are no problem. Says nothing about whether it is JSON.
 */

/** Values in all; a call of an MCP tool has some dozens. */
export const MAX_VALUES = 20_000;
/** Arrays and objects within each other. */
export const MAX_DEPTH = 64;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

/** How many backslashes stand right before `end`, but not before `start`. */
function slashesBefore(bytes: Uint8Array, end: number, start: number): number {
  let at = end;
  while (at > start && bytes[at - 1] === BACKSLASH) at--;
  return end - at;
}

/** Counts one text. */
export interface JsonBounds {
  /** @returns false once there are too many values or levels. Separators stand for values: every value but the first follows one or is opened. */
  feed(bytes: Uint8Array): boolean;
}

/** Begins a text. */
export function createJsonBounds(): JsonBounds {
  let values = 1;
  let depth = 0;
  let inText = false;
  /** An odd number of backslashes came last: the next byte is meant literally. Only within a text. */
  let escaped = false;

  /** @returns index behind the quote that ends the text; the length when it goes on */
  function skipText(bytes: Uint8Array, from: number): number {
    for (let quote = bytes.indexOf(QUOTE, from); quote >= 0; quote = bytes.indexOf(QUOTE, quote + 1)) {
      const slashes = slashesBefore(bytes, quote, from);
      const carried = quote - slashes === from && escaped ? 1 : 0;
      if ((slashes + carried) % 2 === 1) continue;
      inText = false;
      escaped = false;
      return quote + 1;
    }
    const slashes = slashesBefore(bytes, bytes.length, from);
    const carried = bytes.length - slashes === from && escaped ? 1 : 0;
    escaped = (slashes + carried) % 2 === 1;
    return bytes.length;
  }

  return {
    feed(bytes) {
      for (let i = inText ? skipText(bytes, 0) : 0; i < bytes.length;) {
        const byte = bytes[i++];
        if (byte === QUOTE) {
          inText = true;
          i = skipText(bytes, i);
        } else if (byte === COMMA || byte === COLON) values++;
        else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
          values++;
          depth++;
        } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) depth--;
        if (values > MAX_VALUES || depth > MAX_DEPTH) return false;
      }
      return true;
    },
  };
}
