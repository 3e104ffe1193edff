/**
 * The body of an origin's answer on its way to the client. The runtime ends whatever breaks off with a clean terminator, so an answer
 * that was cut must not be passed on as it is: events get a last one with the error, a body with a declared length ends short of it,
 * and a body without one is read whole before the first byte of it is sent.
 */
import type { Denial } from "../contract/denial.ts";
import type { ClientBody } from "./body.ts";
import { STREAM_IDLE_MS, WHOLE_ANSWER_BYTES } from "./constants.ts";
import type { AnswerForm } from "./policy/accept.ts";
import type { CallClass, RpcId } from "./policy/era.ts";
import { findRpcId } from "./policy/rpc-id.ts";
import { Pieces } from "./read-bounded.ts";
import { eventsToJson, jsonToEvents } from "./recast.ts";
import { relay, type Break, type Relay } from "./stream.ts";

/** {@link answerBody} of an answer that broke off before any of it was sent. */
export const CUT = Symbol("cut");

const typeOf = (response: Response): string => response.headers.get("content-type") ?? "";
/** True for an event stream. */
export const isStream = (response: Response): boolean => /^text\/event-stream\b/i.test(typeOf(response));

/** What a client hears when an answer broke off: a call that may have effects may have had them. */
export function afterBreak(callClass: CallClass, how: Break): Denial {
  if (callClass === "claimed" || callClass === "single") return { reason: "route.unknown", mayHaveExecuted: true };
  return { reason: how === "idle" ? "route.timeout" : "route.platform" };
}

/** The id of the client's request, from its body where nobody had to look before. */
export const idOf = (known: RpcId, body: ClientBody): RpcId =>
  known ?? (body.kind === "bytes" ? findRpcId(body.bytes, true) : findRpcId(body.head, false));

type Body = ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;
/** A body, and its media type where that is not the origin's. */
export interface AnswerBody {
  readonly body: Body;
  readonly contentType?: string;
}

/**
 * The body in a form that the client takes, or {@link CUT}. Notifications are asked for as a stream and come as one, and a refusal
 * (not 200) stays as it is: clients read its status.
 */
export async function answerBody(
  response: Response,
  form: AnswerForm,
  relaying: Omit<Relay, "idleMs">,
): Promise<AnswerBody | typeof CUT> {
  const streams = isStream(response);
  const body = await bodyOf(response, streams, relaying);
  if (body === CUT || body === null || response.status !== 200) return body === CUT ? CUT : { body };
  if (form === "json" && body instanceof ReadableStream && streams && !relaying.endsFreely)
    return { body: eventsToJson(body), contentType: "application/json" };
  if (form === "events" && !streams) return { body: jsonToEvents(body), contentType: "text/event-stream" };
  return { body };
}

async function bodyOf(
  response: Response,
  streams: boolean,
  relaying: Omit<Relay, "idleMs">,
): Promise<Body | typeof CUT> {
  if (!response.body) return null;
  if (streams) return relay(response.body, { ...relaying, idleMs: STREAM_IDLE_MS });
  // The HTTP layers hold a declared length to its word: a client sees that bytes are missing.
  if (response.headers.has("content-length") && !response.headers.has("content-encoding")) return response.body;
  return readWhole(response, response.body);
}

async function readWhole(
  response: Response,
  body: ReadableStream<Uint8Array>,
): Promise<ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | typeof CUT> {
  const pieces = new Pieces(body);
  try {
    while ((await pieces.keep()) > 0)
      // Cut from here on it is JSON without an end, which no parser takes for an answer.
      if (pieces.bytes.length > WHOLE_ANSWER_BYTES) return continued(pieces);
  } catch {
    return CUT;
  }
  return isComplete(response, pieces.bytes) ? pieces.bytes : CUT;
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

function continued(pieces: Pieces): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(pieces.bytes),
      async pull(controller) {
        const piece = await pieces.next();
        if (piece) controller.enqueue(piece);
        else controller.close();
      },
      cancel: () => pieces.cancel(),
    },
    { highWaterMark: 0 },
  );
}
