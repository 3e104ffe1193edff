/**
 * Follows an event stream byte by byte without holding it up: whether the answer to the request has gone by, and whether the last
 * event is whole. A stream that ends without an answer was cut, however cleanly some proxy closed it. No I/O.
 */
import { isRecord } from "../../contract/json.ts";

/** Events up to this size are looked into; a longer one that came to its end is taken for the answer. Unit: bytes. */
export const MAX_EVENT_BYTES = 64 * 1024;
const [LF, CR] = [0x0a, 0x0d];

/** True for a JSON-RPC response: neither a request of the server nor a notification (progress, log). */
export function isAnswer(data: string): boolean {
  try {
    const message: unknown = JSON.parse(data);
    return isRecord(message) && !("method" in message) && ("result" in message || "error" in message);
  } catch {
    return false;
  }
}

/** The value of a `data` line, or null for any other line. */
export function dataOf(line: string): string | null {
  if (!line.startsWith("data:")) return null;
  return line.slice(line.startsWith("data: ") ? 6 : 5);
}

export class EventWatch {
  /** The line that has not ended yet; as text, which costs less in pieces of one byte than the bytes do. */
  #line = "";
  readonly #decoder = new TextDecoder();
  #lineBytes = 0;
  #data: string[] = [];
  #eventBytes = 0;
  #afterCr = false;
  #answered = false;

  /** The answer has gone by, whole. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Nothing of an event is open: what comes next begins a new one. */
  get between(): boolean {
    return this.#lineBytes === 0 && this.#eventBytes === 0;
  }

  /** Takes what is passed on. A chunk is neither changed nor kept. */
  feed(chunk: Uint8Array): void {
    const nextEnd = lineEnds(chunk);
    for (let at = 0; at < chunk.length;) {
      if (this.#afterCr && chunk[at] === LF) {
        this.#afterCr = false;
        at++;
        continue;
      }
      this.#afterCr = false;
      const end = nextEnd(at);
      this.#keep(chunk.subarray(at, end));
      if (end === chunk.length) return;
      this.#afterCr = chunk[end] === CR;
      this.#endLine();
      at = end + 1;
    }
  }

  #keep(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#lineBytes += part.length;
    if (this.#eventBytes + this.#lineBytes <= MAX_EVENT_BYTES && !this.#answered)
      this.#line += this.#decoder.decode(part, { stream: true });
    else this.#line = "";
  }

  #endLine(): void {
    if (this.#lineBytes === 0) return this.#endEvent();
    this.#eventBytes += this.#lineBytes;
    const data = dataOf(this.#line + this.#decoder.decode());
    if (data !== null) this.#data.push(data);
    this.#line = "";
    this.#lineBytes = 0;
  }

  #endEvent(): void {
    const whole = this.#eventBytes <= MAX_EVENT_BYTES;
    this.#answered ||= whole ? this.#data.length > 0 && isAnswer(this.#data.join("\n")) : true;
    this.#data = [];
    this.#eventBytes = 0;
  }
}

/** Finds the next line end, or the length. Each byte is looked at once for either character, whatever the mixture. */
function lineEnds(chunk: Uint8Array): (from: number) => number {
  let [lf, cr] = [-1, -1];
  const next = (byte: number, from: number): number => {
    const found = chunk.indexOf(byte, from);
    return found < 0 ? chunk.length : found;
  };
  return (from) => {
    if (lf < from) lf = next(LF, from);
    if (cr < from) cr = next(CR, from);
    return Math.min(lf, cr);
  };
}
