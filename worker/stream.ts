/**
 * Event streams on their way to the client: chunk by chunk as they come. A stream that its origin did not end is never ended as a
 * complete one. The runtime writes a clean end behind every stream, one in error too, so the truth has to be in the stream: a last
 * event with the error.
 */
import { Deadlines, LATE, Turns } from "./deadline.ts";
import { EventWatch } from "./policy/event-watch.ts";

/**
 * How a stream stopped before its answer: the connection broke or was closed early, nothing came for too long, or the client, and not the
 * origin, left what came for too long.
 */
export type Break = "cut" | "idle" | "unread";

/** How a stream is looked after. */
export interface Relay {
  /** How long nothing may come, and how long a client may leave what came: the origins send a comment every 15 s. Unit: milliseconds. */
  readonly idleMs: number;
  /** The end without an answer is the proper one: the client asked for notifications, or for nothing. */
  readonly endsFreely: boolean;
  /** JSON-RPC error that tells the client. Asked at most once, and only for a stream that brought no answer. */
  readonly explain: (how: Break) => string;
  /** Longest life of the stream. Unit: milliseconds. */
  readonly lastsMs: number;
  /** Called once when nothing more comes, whoever ended it. A client that vanished may keep it from being called. */
  readonly ended: () => void;
}

/** Ends an event that was cut in the middle, as one of a type that no client of MCP listens to. */
const VOID_REST = "\nevent: cut\n\n";
const encoder = new TextEncoder();

/** The last event of a stream: the JSON-RPC error in `text`. @param between nothing of an event is open */
export const lastEvent = (text: string, between: boolean): string =>
  `${between ? "" : VOID_REST}event: message\ndata: ${text}\n\n`;

/** Passes chunks on unchanged and unbuffered. When the client goes away, or takes nothing any more, the source is cancelled. */
export function relay(source: ReadableStream<Uint8Array>, options: Relay): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  const watch = new EventWatch();
  const deadlines = new Deadlines();
  const turns = new Turns();
  const until = Date.now() + options.lastsMs;
  const patience = (): number => Math.min(options.idleMs, until - Date.now());
  /** A client that reads nothing never asks for the next chunk, so nobody would look at the time. */
  let taken = (): void => undefined;
  const stop = (): void => void reader.cancel().catch(() => undefined);
  const end = (controller: ReadableStreamDefaultController<Uint8Array>, how: Break | "ended"): void => {
    const fine = watch.answered || (how === "ended" && options.endsFreely && watch.between);
    const rest = watch.between ? "" : VOID_REST;
    const last = fine ? rest : lastEvent(options.explain(how === "ended" ? "cut" : how), watch.between);
    if (last !== "") controller.enqueue(encoder.encode(last));
    controller.close();
    options.ended();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        taken();
        const read = await next(reader, deadlines, patience());
        if (typeof read === "string") {
          if (read === "idle") stop();
          return end(controller, read);
        }
        watch.feed(read);
        await turns.after(read.length);
        controller.enqueue(read);
        taken = deadlines.after(patience(), () => {
          stop();
          end(controller, "unread");
        });
      },
      cancel: (reason) => {
        taken();
        options.ended();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** The next chunk, or why there is none in time. */
async function next(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  deadlines: Deadlines,
  ms: number,
): Promise<Uint8Array | Break | "ended"> {
  if (ms <= 0) return "idle";
  try {
    const read = await deadlines.within(reader.read(), ms);
    return read === LATE ? "idle" : read.done ? "ended" : read.value;
  } catch {
    return "cut";
  }
}
