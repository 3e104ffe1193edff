/**
 * The client's body on its way through: kept whole while it is small enough to be sent twice, streamed and counted beyond that.
 * Parses nothing.
 */
import { err, ok, type Result } from "../contract/result.ts";
import { PAUSE_MS, UploadPace } from "../contract/upload-pace.ts";
import { DRAIN_BYTES, DRAIN_MS, MAX_BODY_BYTES, REPLAY_BODY_BYTES } from "./constants.ts";
import { LATE, within, type Deadlines } from "./deadline.ts";
import { Pieces, readBounded } from "./read-bounded.ts";
import type { Share } from "./shares.ts";

/** How far a streamed body has come. broken = the client went away, slow = it paused for too long; neither says anything about the origin. */
export type Fate = "pending" | "sent" | "too-large" | "broken" | "slow";

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

/** Why there is no body: it paused for too long, it broke off, or there is no room for it. */
export type BodyFault = "slow" | "broken" | "full";

/** Bodies of this size come in one piece. Unit: bytes. */
const ONE_PIECE_BYTES = 16 * 1024;

/** Where a body is kept. */
export type Room = Pick<Share, "grow">;

/** What a body that comes is held to. */
interface Upload {
  readonly pace: UploadPace;
  readonly deadlines: Deadlines;
}

/** What `read` gives, or `slow` when it does not come at the least pace. Time counts only while somebody waits for it. @throws what `read` throws */
async function paced<T>(
  pieces: Pieces,
  read: Promise<T>,
  { pace, deadlines }: Upload,
  sizeOf: (piece: T) => number,
): Promise<T | "slow"> {
  const since = Date.now();
  const piece = await deadlines.within(read, pace.leftMs);
  if (piece === LATE) {
    void pieces.cancel();
    return "slow";
  }
  pace.came(Date.now() - since, sizeOf(piece));
  return piece;
}

/**
 * Reads until the end or until the body is too large to be kept.
 * @param length the declared one @param room what is kept is held there @param deadlines of the request
 */
export async function takeBody(
  request: Request,
  length: string | null,
  room: Room,
  deadlines: Deadlines,
): Promise<Result<ClientBody, BodyFault>> {
  try {
    // The HTTP layer holds a declared length to its word, so the whole can be read in one go.
    if (length !== null && Number(length) <= ONE_PIECE_BYTES) {
      const whole = await deadlines.within(request.arrayBuffer(), PAUSE_MS);
      return whole === LATE ? err("slow") : ok({ kind: "bytes", bytes: new Uint8Array(whole) });
    }
    if (!request.body) return ok({ kind: "bytes", bytes: new Uint8Array(0) });
    return await takePieces(new Pieces(request.body), room, { pace: new UploadPace(), deadlines });
  } catch {
    return err("broken");
  }
}

async function takePieces(pieces: Pieces, room: Room, upload: Upload): Promise<Result<ClientBody, BodyFault>> {
  while (pieces.bytes.length <= REPLAY_BODY_BYTES) {
    const size = await paced(pieces, pieces.keep(), upload, Number);
    if (size === "slow") return err("slow");
    if (size === 0) return ok({ kind: "bytes", bytes: pieces.bytes });
    if (!room.grow(pieces.bytes.length)) {
      void pieces.cancel();
      return err("full");
    }
  }
  return ok(streamed(pieces, upload));
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

function streamed(pieces: Pieces, upload: Upload): StreamedBody {
  const head = pieces.bytes;
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
          const piece = await paced(pieces, pieces.next(), upload, (next) => next?.length ?? 0);
          if (piece === null) {
            end("sent");
            return controller.close();
          }
          size += piece === "slow" ? 0 : piece.length;
          if (piece !== "slow" && size <= MAX_BODY_BYTES) return controller.enqueue(piece);
          end(piece === "slow" ? "slow" : "too-large");
        } catch {
          end("broken");
        }
        // The origin sees a body that breaks off, which no parser takes for a request.
        controller.error(new Error(`client body ${fate}`));
        await pieces.cancel();
      },
      cancel: () => pieces.cancel(),
    },
    { highWaterMark: 0 },
  );
  return { kind: "stream", head, stream, fate: () => fate, ended };
}
