/**
 * Reads bodies in pieces that are worth reading. A sender chooses how its body is cut, down to chunks of one byte: read as they come, each
 * costs a turn of the event loop and, in workerd, a buffer of 4 KiB, so that a body of 200 KB took 3 s and a gigabyte.
 */

/** A read waits for so much, or for the end. At the least pace of an upload this comes in a second. Unit: bytes. */
const LEAST_PIECE_BYTES = 4096;
const PIECE_BYTES = 16 * 1024;

/** Takes a body piece by piece; what is kept of it stands in one array. */
export class Pieces {
  readonly #reader: ReadableStreamBYOBReader;
  #kept: Uint8Array<ArrayBuffer> = new Uint8Array(LEAST_PIECE_BYTES);
  #size = 0;
  #ended = false;

  /** @param body of bytes, as those of requests and responses are */
  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader({ mode: "byob" });
  }

  /** What was kept so far. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#kept.subarray(0, this.#size);
  }

  /** Reads and keeps the next piece. @returns its size, 0 at the end. @throws when the body breaks off. */
  async keep(): Promise<number> {
    if (this.#ended) return 0;
    if (this.#kept.length - this.#size < LEAST_PIECE_BYTES) {
      const larger = new Uint8Array(this.#kept.length * 2);
      larger.set(this.bytes);
      this.#kept = larger;
    }
    const piece = await this.#read(this.#kept.subarray(this.#size));
    // The read took the whole buffer over and gives it back.
    if (piece) this.#kept = new Uint8Array(piece.buffer);
    const length = piece?.length ?? 0;
    this.#size += length;
    return length;
  }

  /** Reads the next piece and does not keep it. @returns null at the end. @throws when the body breaks off. */
  async next(): Promise<Uint8Array<ArrayBuffer> | null> {
    const piece = this.#ended ? null : await this.#read(new Uint8Array(PIECE_BYTES));
    return piece && piece.length > 0 ? piece : null;
  }

  /** Reads no more. Never throws. */
  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => undefined);
  }

  async #read(room: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | null> {
    const { done, value } = await readInto(this.#reader, room);
    this.#ended = done || value === undefined || value.length === 0;
    return value ?? null;
  }
}

/**
 * workerd's own (developers.cloudflare.com/workers/runtime-apis/streams/readablestreambyobreader). The standard's `min` is no substitute:
 * of a body that is whole and shorter it makes an error. Elsewhere, in tests, pieces are as they come.
 */
const readInto = (
  reader: Pick<ReadableStreamBYOBReader, "read"> & Partial<Pick<ReadableStreamBYOBReader, "readAtLeast">>,
  room: Uint8Array<ArrayBuffer>,
): Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>> =>
  reader.readAtLeast?.(LEAST_PIECE_BYTES, room) ?? reader.read(room);

/** @returns null when the body is longer than `limit` bytes; the rest is cancelled. @throws when the body breaks off. */
export async function readBounded(
  body: ReadableStream<Uint8Array> | null,
  limit: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (!body) return new Uint8Array(0);
  const pieces = new Pieces(body);
  while ((await pieces.keep()) > 0) {
    if (pieces.bytes.length <= limit) continue;
    await pieces.cancel();
    return null;
  }
  return pieces.bytes;
}
