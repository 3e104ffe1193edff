/**
 * The client's body on its way through: kept whole while it is small enough to be sent twice, streamed and counted beyond that.
 * Parses nothing.
 */
import { err, ok, type Result } from "../contract/result.ts";
import type { Denial } from "../contract/denial.ts";
import { MAX_BODY_BYTES, REPLAY_BODY_BYTES } from "./constants.ts";

/** bytes = whole, may be sent twice · stream = only once; `head` is what was read so far and comes first in `stream`. */
export type ClientBody =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> }
  | {
      readonly kind: "stream";
      readonly head: Uint8Array;
      readonly stream: ReadableStream<Uint8Array>;
      /** True once the stream was cut off because it is too large. */
      readonly tooLarge: () => boolean;
    };

/** Why a stream was cut off. */
class TooLarge extends Error {
  override readonly name = "TooLarge";
}

function join(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Reads until the end or until the body is too large to be kept. @throws when the client breaks off. */
export async function takeBody(request: Request): Promise<Result<ClientBody, Denial>> {
  if (!request.body) return ok({ kind: "bytes", bytes: new Uint8Array(0) });
  const declared = Number(request.headers.get("content-length") ?? Number.NaN);
  // The HTTP layer holds a declared length to its word, so the whole can be read in one go.
  if (declared <= REPLAY_BODY_BYTES) return ok({ kind: "bytes", bytes: new Uint8Array(await request.arrayBuffer()) });
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size <= REPLAY_BODY_BYTES) {
    const { done, value } = await reader.read();
    if (done) return ok({ kind: "bytes", bytes: join(chunks, size) });
    chunks.push(value);
    size += value.length;
  }
  if (size > MAX_BODY_BYTES) {
    await reader.cancel().catch(() => undefined);
    return err({ reason: "shape.size" });
  }
  return ok(streamed(reader, join(chunks, size)));
}

function streamed(reader: ReadableStreamDefaultReader<Uint8Array>, head: Uint8Array): ClientBody {
  let size = head.length;
  let tooLarge = false;
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(head);
    },
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      size += value.length;
      if (size <= MAX_BODY_BYTES) return controller.enqueue(value);
      tooLarge = true;
      controller.error(new TooLarge());
      await reader.cancel().catch(() => undefined);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return { kind: "stream", head, stream, tooLarge: () => tooLarge };
}
