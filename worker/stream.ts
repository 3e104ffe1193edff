/**
 * Event streams on their way to the client: chunk by chunk as they come. A stream that its origin did not end is never ended as a
 * complete one. The runtime writes a clean end behind every stream, one in error too, so the truth has to be in the stream: a last
 * event with the error.
 */
import { EventWatch } from "./policy/event-watch.ts";

/** How a stream stopped before its answer: the connection broke or was closed early, or nothing came for too long. */
export type Break = "cut" | "idle";

/** How a stream is looked after. */
export interface Relay {
  /** The origins send a comment every 15 s. Unit: milliseconds. */
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

/** Passes chunks on unchanged and unbuffered. When the client goes away the source is cancelled. */
export function relay(source: ReadableStream<Uint8Array>, options: Relay): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  const watch = new EventWatch();
  const until = Date.now() + options.lastsMs;
  const end = (controller: ReadableStreamDefaultController<Uint8Array>, how: Break | "ended"): void => {
    const fine = watch.answered || (how === "ended" && options.endsFreely && watch.between);
    const rest = watch.between ? "" : VOID_REST;
    const last = fine ? "" : `event: message\ndata: ${options.explain(how === "idle" ? "idle" : "cut")}\n\n`;
    if (rest + last !== "") controller.enqueue(encoder.encode(rest + last));
    controller.close();
    options.ended();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const left = until - Date.now();
        const read = left > 0 ? await readWithin(reader, Math.min(options.idleMs, left)) : "idle";
        if (left <= 0) void reader.cancel().catch(() => undefined);
        if (typeof read === "string") return end(controller, read);
        watch.feed(read);
        controller.enqueue(read);
      },
      cancel: (reason) => {
        options.ended();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** The next chunk, or why there is none. A silent origin is told to stop. */
async function readWithin(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  idleMs: number,
): Promise<Uint8Array | Break | "ended"> {
  let idle = false;
  const timer = setTimeout(() => {
    idle = true;
    // Ends the pending read.
    void reader.cancel().catch(() => undefined);
  }, idleMs);
  try {
    const { done, value } = await reader.read();
    return idle ? "idle" : done ? "ended" : value;
  } catch {
    return idle ? "idle" : "cut";
  } finally {
    clearTimeout(timer);
  }
}
