/**
 * Answers in the other form, for clients that read only one (policy/accept.ts): the answer out of an event stream as JSON, and JSON as the
 * one event of a stream. Nothing is kept whole that is longer than an event that {@link isAnswer} looks into.
 */
import { Turns } from "./deadline.ts";
import { AnswerPicker } from "./policy/answer-picker.ts";
import { lastEvent } from "./stream.ts";

const encoder = new TextEncoder();
const BEFORE = encoder.encode("event: message\ndata: ");
const AFTER = encoder.encode("\n\n");
const [LF, CR, SPACE] = [0x0a, 0x0d, 0x20];

/** The JSON-RPC answer of an event stream; what else is in there (progress, comments) is left out. */
export function eventsToJson(events: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const picker = new AnswerPicker();
  const decoder = new TextDecoder();
  const pass = (text: string, controller: TransformStreamDefaultController<Uint8Array>): void => {
    const answer = picker.feed(text);
    if (answer !== "") controller.enqueue(encoder.encode(answer));
  };
  return events.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => pass(decoder.decode(chunk, { stream: true }), controller),
      flush: (controller) => pass(decoder.decode(), controller),
    }),
  );
}

/** One line, because each line of an event needs a name of its own; between the values of JSON a line end is a space. */
function oneLine(json: Uint8Array): Uint8Array {
  return json.map((byte) => (byte === LF || byte === CR ? SPACE : byte));
}

/** An event stream of one event. An answer that was cut leaves an event that no client takes for one, and behind it what `explain` says. */
export function jsonToEvents(
  json: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>,
  explain: () => string,
): ReadableStream<Uint8Array> {
  const turns = new Turns();
  const source = json instanceof Uint8Array ? new Blob([json]).stream() : json;
  const reader = source.getReader();
  let left = false;
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(BEFORE),
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          await turns.after(value?.length ?? 0);
          if (left) return;
          controller.enqueue(done ? AFTER : oneLine(value));
          if (done) controller.close();
        } catch {
          // A client that leaves is no failure of the origin.
          if (left) return;
          controller.enqueue(encoder.encode(lastEvent(explain(), false)));
          controller.close();
        }
      },
      cancel(reason) {
        left = true;
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
