/**
 * Lines of a child, as messages. Everything is bounded while it is read: how long a line may be, and how many are taken in a while, so
 * that a child that talks without end costs its own callers time and nobody else. Pure but for the clock that it is given.
 */

import { createPace, type Pace } from "./pace.ts";

/** One message of a server; more would not fit into an answer either. Unit: bytes. */
export const MAX_LINE_BYTES = 2 * 1024 * 1024;
/** A longer one is skipped to its end, so that the others go on; one without an end is no line. Unit: bytes. */
const MAX_SKIPPED_BYTES = 256 * 1024 * 1024;
/** Lines and bytes that are taken per {@link WINDOW_MS}; the rest waits in the child's pipe. */
const MAX_WINDOW_LINES = 200;
const MAX_WINDOW_BYTES = 4 * 1024 * 1024;
const WINDOW_MS = 100;
/** What reading the lines may cost at once, and of each millisecond afterwards: a line of a million brackets takes long. Unit: milliseconds. */
const BUSY_MS = 50;
const BUSY_SHARE = 0.25;
/** Where the id of an answer stands: before its result, or at the very end. Unit: bytes. */
const ID_BYTES = 256;
/** For the beginning of a line that came in pieces. Unit: bytes. */
const MIN_ROOM_BYTES = 4 * 1024;
const ID_FIRST = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15})\s*,/;
const ID_LAST = /,\s*"id"\s*:\s*(\d{1,15})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/;

/** Where lines go. */
export interface LineSink {
  line(text: string): void;
  /** A line that was too long. @param id of the answer that it was; null = it does not say. */
  tooLong(id: number | null): void;
}

/** @returns the id of an answer of which only beginning and end are known. */
const idOf = (first: string, last: string): number | null => {
  const found = ID_FIRST.exec(first)?.[1] ?? ID_LAST.exec(last)?.[1];
  return found === undefined ? null : Number(found);
};

const NOTHING = Buffer.alloc(0);

/** Cuts what a child writes into lines. */
export class LineReader {
  readonly #sink: LineSink;
  readonly #now: () => number;
  /** What came of a line that has not ended yet, with room for more: a piece each would cost far more than its bytes. */
  #pending: Buffer = NOTHING;
  #pendingBytes = 0;
  /** Beginning and end of a line that is skipped, and how long it is by now. */
  #skipped: { first: Buffer; last: Buffer; bytes: number } | null = null;
  #waiting: Buffer = NOTHING;
  #windowEnds = 0;
  #windowLines = 0;
  #windowBytes = 0;
  /** Of what reading costs. */
  readonly #busy: Pace;

  /** @param now monotonic, in milliseconds. */
  constructor(sink: LineSink, now: () => number) {
    this.#sink = sink;
    this.#now = now;
    this.#busy = createPace(now, BUSY_MS, BUSY_SHARE);
  }

  /**
   * Takes what came. @returns how long nothing more may be read, in milliseconds; then `take` is called again, with nothing if nothing
   * came. 0 = go on.
   */
  take(chunk: Buffer): number {
    const before = this.#now();
    const pause = this.#take(chunk);
    return Math.max(pause, Math.ceil(this.#busy(this.#now() - before)));
  }

  #take(chunk: Buffer): number {
    let rest = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk]);
    this.#waiting = NOTHING;
    const now = this.#now();
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + WINDOW_MS;
      this.#windowLines = 0;
      this.#windowBytes = 0;
    }
    this.#windowBytes += chunk.length;
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      if (this.#windowLines >= MAX_WINDOW_LINES || this.#now() - now > BUSY_MS) {
        this.#waiting = Buffer.from(rest);
        return Math.max(1, this.#windowEnds - now);
      }
      this.#windowLines++;
      this.#end(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) this.#keep(rest);
    return this.#windowBytes > MAX_WINDOW_BYTES ? Math.max(1, this.#windowEnds - now) : 0;
  }

  /** A piece of a line that has not ended yet. */
  #keep(piece: Buffer): void {
    if (this.#skipped === null && this.#pendingBytes + piece.length <= MAX_LINE_BYTES) {
      this.#append(piece);
      return;
    }
    this.#skip(piece);
  }

  #append(piece: Buffer): void {
    const bytes = this.#pendingBytes + piece.length;
    if (bytes > this.#pending.length) {
      // Twice as much each time, so that every byte is copied once or twice, however small the pieces are.
      const grown = Buffer.allocUnsafe(
        Math.min(Math.max(bytes, this.#pending.length * 2, MIN_ROOM_BYTES), MAX_LINE_BYTES),
      );
      this.#pending.copy(grown, 0, 0, this.#pendingBytes);
      this.#pending = grown;
    }
    piece.copy(this.#pending, this.#pendingBytes);
    this.#pendingBytes = bytes;
  }

  /** What was kept, which is kept no longer. */
  #taken(): Buffer {
    const kept = this.#pending.subarray(0, this.#pendingBytes);
    this.#pending = NOTHING;
    this.#pendingBytes = 0;
    return kept;
  }

  #skip(piece: Buffer): void {
    if (this.#skipped === null) {
      const kept = this.#taken();
      const first = Buffer.concat([kept.subarray(0, ID_BYTES), piece.subarray(0, ID_BYTES)]).subarray(0, ID_BYTES);
      this.#skipped = { first: Buffer.from(first), last: NOTHING, bytes: kept.length };
    }
    const { last } = this.#skipped;
    this.#skipped.bytes += piece.length;
    this.#skipped.last = Buffer.from(Buffer.concat([last, piece.subarray(-ID_BYTES)]).subarray(-ID_BYTES));
    if (this.#skipped.bytes <= MAX_SKIPPED_BYTES) return;
    this.#skipped = null;
    this.#sink.tooLong(null);
  }

  #end(piece: Buffer): void {
    if (this.#skipped === null && this.#pendingBytes + piece.length <= MAX_LINE_BYTES) {
      if (this.#pendingBytes > 0) this.#append(piece);
      this.#sink.line((this.#pendingBytes > 0 ? this.#taken() : piece).toString("utf8"));
      return;
    }
    this.#skip(piece);
    if (this.#skipped === null) return;
    const { first, last } = this.#skipped;
    this.#skipped = null;
    this.#sink.tooLong(idOf(first.toString("latin1"), last.toString("latin1")));
  }
}
