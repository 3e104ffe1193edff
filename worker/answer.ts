/**
 * The body of an origin's answer on its way to the client. The runtime ends whatever breaks off with a clean terminator, so an answer
 * that was cut must not be passed on as it is: events get a last one with the error, a body with a declared length ends short of it,
 * and a body without one is read whole before the first byte of it is sent.
 */
import type { Denial } from "../contract/denial.ts";
import type { ClientBody } from "./body.ts";
import { BUFFERED_ANSWER_BYTES, STREAM_IDLE_MS, WHOLE_ANSWER_BYTES } from "./constants.ts";
import { Deadlines, LATE, Turns } from "./deadline.ts";
import type { AnswerForm } from "./policy/accept.ts";
import type { CallClass } from "./policy/era.ts";
import { idIn, idInHead, type RpcId } from "./policy/rpc-id.ts";
import { Pieces } from "./read-bounded.ts";
import { eventsToJson, jsonToEvents } from "./recast.ts";
import { relay, type Break, type Relay } from "./stream.ts";

/** {@link answerBody} of an answer that broke off before any of it was sent. */
export const CUT = Symbol("cut");

const typeOf = (response: Response): string => response.headers.get("content-type") ?? "";
/** True for an event stream. */
export const isStream = (response: Response): boolean => /^text\/event-stream\b/i.test(typeOf(response));

/** True for what may have effects, so that a client that hears nothing of them has to hear that. */
export const hasEffects = (callClass: CallClass): boolean => callClass === "claimed" || callClass === "single";
/** The request went out, and nobody said that it was not executed. */
export const UNKNOWN: Denial = { reason: "route.unknown", mayHaveExecuted: true };

/** What a client hears when an answer broke off: a call that may have effects may have had them. */
export function afterBreak(callClass: CallClass, how: Break): Denial {
  if (hasEffects(callClass)) return UNKNOWN;
  return { reason: how === "cut" ? "route.platform" : "route.timeout" };
}

/** The id of the client's request, from its body where nobody had to look before. */
export const idOf = (known: RpcId, body: ClientBody): RpcId =>
  known ?? (body.kind === "bytes" ? idIn(body.bytes) : idInHead(body.head));

type Body = ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;
/** A body, and its media type where that is not the origin's. */
export interface AnswerBody {
  readonly body: Body;
  readonly contentType?: string;
  /** `ended` is called when the client has taken it, and not before: it is more than buffers hold. */
  readonly lasts: boolean;
}

/** How an answer is looked after. */
export interface Passing extends Omit<Relay, "idleMs"> {
  /** Keeps so many bytes of it. @returns false when there is no room */
  readonly keep: (bytes: number) => boolean;
  /** The client waits for an answer to this request. Asked only where an answer says that all is well and has no body. */
  readonly owed: () => boolean;
}

/** What {@link bodyOf} found: a body, and whether `ended` will be called. */
interface Passed {
  readonly body: Body;
  readonly lasts: boolean;
}

/**
 * The body in a form that the client takes, or {@link CUT}. Notifications are asked for as a stream and come as one, and a refusal
 * (not 200) stays as it is: clients read its status.
 */
export async function answerBody(
  response: Response,
  form: AnswerForm,
  passing: Passing,
): Promise<AnswerBody | typeof CUT> {
  const streams = isStream(response);
  const passed = await bodyOf(response, streams, passing);
  if (passed === CUT || passed.body === null || response.status !== 200) return passed;
  const { body, lasts } = passed;
  if (form === "json" && body instanceof ReadableStream && streams && !passing.endsFreely)
    return { body: eventsToJson(body), contentType: "application/json", lasts };
  if (form === "events" && !streams)
    return { body: jsonToEvents(body, () => passing.explain("cut")), contentType: "text/event-stream", lasts };
  return passed;
}

async function bodyOf(response: Response, streams: boolean, passing: Passing): Promise<Passed | typeof CUT> {
  const { body, headers, ok, status } = response;
  const length = headers.get("content-length");
  // 204 and 205 have no body, whatever came behind their headers: a Response with one cannot be made.
  if (!body || length === "0" || status === 204 || status === 205)
    return ok && passing.owed() ? CUT : { body: null, lasts: false };
  if (streams) return { body: relay(body, { ...passing, idleMs: STREAM_IDLE_MS }), lasts: true };
  // The HTTP layers hold a declared length to its word: a client sees that bytes are missing. One that no number can hold is nobody's word.
  if (length !== null && Number.isSafeInteger(Number(length)) && !headers.has("content-encoding"))
    return measured(body, Number(length), passing.ended);
  return readWhole(response, body, passing);
}

/**
 * A body of a known length. Of a large one the end is waited for, so that clients that do not read hold places and the request's deadlines
 * go on; what fits into the buffers costs nothing more.
 */
function measured(body: ReadableStream<Uint8Array>, length: number, ended: () => void): Passed {
  // workerd's own, which keeps the length; elsewhere, in tests, there is none.
  if (length <= BUFFERED_ANSWER_BYTES || !("FixedLengthStream" in globalThis)) return { body, lasts: false };
  const { readable, writable } = new FixedLengthStream(length);
  void pass(new Pieces(body), writable, ended);
  return { body: readable, lasts: true };
}

/**
 * Passes a body on. Not `pipeTo`: the runtime's own pump gives nobody else a turn while both sides keep up. A client that leaves is heard of
 * while nothing comes, and one that takes nothing is left. Never rejects.
 */
async function pass(pieces: Pieces, to: WritableStream<Uint8Array>, ended: () => void): Promise<void> {
  const writer = to.getWriter();
  const deadlines = new Deadlines();
  const turns = new Turns();
  writer.closed.catch(() => pieces.cancel());
  try {
    for (let piece = await pieces.next(); piece; piece = await pieces.next()) {
      const taken = await deadlines.within(writer.write(piece), STREAM_IDLE_MS);
      if (taken === LATE) throw new Error("the client takes nothing");
      await turns.after(piece.length);
    }
    await writer.close();
  } catch (error) {
    void pieces.cancel();
    // It may wait for the client, which nobody else does.
    writer.abort(error).catch(() => undefined);
  }
  ended();
}

async function readWhole(
  response: Response,
  body: ReadableStream<Uint8Array>,
  { keep, ended, owed }: Passing,
): Promise<Passed | typeof CUT> {
  const pieces = new Pieces(body);
  try {
    while ((await pieces.keep()) > 0) {
      const size = pieces.bytes.length;
      // Cut from here on it is JSON without an end, which no parser takes for an answer.
      if (size > WHOLE_ANSWER_BYTES || (size > BUFFERED_ANSWER_BYTES && !keep(size)))
        return { body: continued(pieces, ended), lasts: true };
    }
  } catch {
    return CUT;
  }
  const { bytes } = pieces;
  if (!isComplete(response, bytes) || (bytes.length === 0 && response.ok && owed())) return CUT;
  return bytes.length <= BUFFERED_ANSWER_BYTES
    ? { body: bytes, lasts: false }
    : measured(new Blob([bytes]).stream(), bytes.length, ended);
}

/** A connection that just closes ends an answer as properly as one that was cut: then only the text can tell. */
function isComplete(response: Response, bytes: Uint8Array): boolean {
  if (!/^application\/json\b/i.test(typeOf(response))) return bytes.length > 0 || response.status !== 200;
  try {
    JSON.parse(new TextDecoder().decode(bytes));
    return true;
  } catch {
    return bytes.length === 0 && response.status !== 200;
  }
}

function continued(pieces: Pieces, ended: () => void): ReadableStream<Uint8Array> {
  const deadlines = new Deadlines();
  const turns = new Turns();
  /** A client that reads nothing never asks for the next piece, so nobody would look at the time. */
  let taken = (): void => undefined;
  const leave = (): Promise<void> => {
    taken();
    ended();
    return pieces.cancel();
  };
  const watch = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    taken = deadlines.after(STREAM_IDLE_MS, () => {
      controller.error(new Error("the client takes nothing"));
      void leave();
    });
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(pieces.bytes);
        watch(controller);
      },
      async pull(controller) {
        taken();
        try {
          const piece = await pieces.next();
          await turns.after(piece?.length ?? 0);
          if (piece) {
            controller.enqueue(piece);
            return watch(controller);
          }
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        ended();
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  );
}
