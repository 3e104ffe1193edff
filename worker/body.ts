/**
 * The client's body on its way through: kept whole while it is small enough to be sent twice, streamed and counted beyond that.
 * Parses nothing.
 */
import { DRAIN_BYTES, DRAIN_MS, MAX_BODY_BYTES, REPLAY_BODY_BYTES } from "./constants.ts";
import { concat, readBounded } from "./read-bounded.ts";
import { within } from "./deadline.ts";

/** How far a streamed body has come. broken = the client went away; it says nothing about the origin. */
export type Fate = "pending" | "sent" | "too-large" | "broken";

/** A body that can be sent once. */
export interface StreamedBody {
  readonly kind: "stream";
  /** What was read before the body turned out to be large; it comes first in `stream`. */
  readonly head: Uint8Array;
  readonly stream: ReadableStream<Uint8Array>;
  readonly fate: () => Fate;
  /** Settles when `fate` is no longer "pending". */
  readonly ended: Promise<void>;
}

export type ClientBody = { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> } | StreamedBody;

/**
 * Reads until the end or until the body is too large to be kept.
 * @param length the declared one @throws when the client breaks off
 */
export async function takeBody(request: Request, length: string | null): Promise<ClientBody> {
  // The HTTP layer holds a declared length to its word, so the whole can be read in one go.
  if (length !== null && Number(length) <= REPLAY_BODY_BYTES)
    return { kind: "bytes", bytes: new Uint8Array(await request.arrayBuffer()) };
  if (!request.body) return { kind: "bytes", bytes: new Uint8Array(0) };
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size <= REPLAY_BODY_BYTES) {
    const { done, value } = await reader.read();
    if (done) return { kind: "bytes", bytes: concat(chunks, size) };
    chunks.push(value);
    size += value.length;
  }
  return streamed(reader, concat(chunks, size));
}

/**
 * Reads what nobody wanted, if it is little: a connection with an unread body is reset after the answer, and the reset can
 * overtake the answer. Larger or slower bodies are not worth that. Never throws.
 */
export async function drain(request: Request): Promise<void> {
  if (request.bodyUsed || !request.body || request.body.locked) return;
  const declared = Number(request.headers.get("content-length") ?? Number.NaN);
  if (declared > DRAIN_BYTES) return;
  const work: Promise<unknown> = declared >= 0 ? request.arrayBuffer() : readBounded(request.body, DRAIN_BYTES);
  await within(work, DRAIN_MS).catch(() => undefined);
}

function streamed(reader: ReadableStreamDefaultReader<Uint8Array>, head: Uint8Array): StreamedBody {
  let size = head.length;
  let fate: Fate = "pending";
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const end = (how: Fate): void => {
    fate = how;
    resolve();
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(head);
      },
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) {
            end("sent");
            return controller.close();
          }
          size += value.length;
          if (size <= MAX_BODY_BYTES) return controller.enqueue(value);
          end("too-large");
        } catch {
          end("broken");
        }
        // The origin sees a body that breaks off, which no parser takes for a request.
        controller.error(new Error(`client body ${fate}`));
        await reader.cancel().catch(() => undefined);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return { kind: "stream", head, stream, fate: () => fate, ended };
}
