import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { relay, type Relay } from "./stream.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function source(): {
  readonly stream: ReadableStream<Uint8Array>;
  readonly send: (text: string) => void;
  readonly close: () => void;
  readonly fail: () => void;
  readonly cancelled: () => boolean;
} {
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    start: (own) => void (controller = own),
    cancel: () => void (cancelled = true),
  });
  return {
    stream,
    send: (text) => controller?.enqueue(encoder.encode(text)),
    close: () => controller?.close(),
    fail: () => controller?.error(new Error("connection lost")),
    cancelled: () => cancelled,
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const ANSWER = 'data: {"jsonrpc":"2.0","id":7,"result":{}}\n\n';
const options = (more: Partial<Relay> = {}): Relay => ({
  idleMs: 1000,
  endsFreely: false,
  explain: (how) => `{"how":"${how}"}`,
  lastsMs: 10_000,
  ended: () => undefined,
  ...more,
});
/** All that comes, and that it came to an end. */
async function all(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += decoder.decode(chunk);
  return text;
}

describe("event stream", () => {
  it("passes every chunk on as it comes, and the end", async () => {
    const { stream, send, close } = source();
    const reader = relay(stream, options()).getReader();
    for (const text of [": a\n\n", "data: b\n\n", ANSWER]) {
      send(text);
      expect(decoder.decode((await reader.read()).value)).toBe(text);
      await vi.advanceTimersByTimeAsync(900);
    }
    close();
    expect((await reader.read()).done).toBe(true);
  });

  it.each<[string, (it: ReturnType<typeof source>) => void, string]>([
    ["the connection breaks", ({ fail }) => fail(), 'event: message\ndata: {"how":"cut"}\n\n'],
    ["it ends without an answer", ({ close }) => close(), 'event: message\ndata: {"how":"cut"}\n\n'],
    [
      "the connection breaks within an event",
      ({ send, fail }) => {
        send('data: {"jsonrpc":"2.0","result":');
        setTimeout(fail, 1);
      },
      'data: {"jsonrpc":"2.0","result":\nevent: cut\n\nevent: message\ndata: {"how":"cut"}\n\n',
    ],
    [
      "it ends within an event",
      ({ send, close }) => {
        send(ANSWER.trimEnd());
        close();
      },
      `${ANSWER.trimEnd()}\nevent: cut\n\nevent: message\ndata: {"how":"cut"}\n\n`,
    ],
    ["nothing comes for too long", () => undefined, 'event: message\ndata: {"how":"idle"}\n\n'],
    [
      "the connection breaks behind the answer",
      ({ send, fail }) => {
        send(ANSWER);
        setTimeout(fail, 1);
      },
      ANSWER,
    ],
  ])("tells the client as the last event when %s", async (_, happen, text) => {
    const self = source();
    const received = all(relay(self.stream, options()));
    happen(self);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await received).toBe(text);
  });

  it("may end without an answer where none was asked for, but not in the middle", async () => {
    const whole = source();
    whole.close();
    expect(await all(relay(whole.stream, options({ endsFreely: true })))).toBe("");
    const cut = source();
    cut.send("data: x");
    cut.close();
    expect(await all(relay(cut.stream, options({ endsFreely: true })))).toContain('data: {"how":"cut"}');
  });

  it("stops a silent origin", async () => {
    const { stream, cancelled } = source();
    const received = all(relay(stream, options()));
    await vi.advanceTimersByTimeAsync(1000);
    await received;
    expect(cancelled()).toBe(true);
  });

  it("stops the origin when the client takes nothing for too long, and blames the client", async () => {
    const { stream, send, cancelled } = source();
    const ended = vi.fn<() => void>();
    const reader = relay(stream, options({ ended })).getReader();
    send(": a\n\n");
    await reader.read();
    send(": b\n\n");
    await vi.advanceTimersByTimeAsync(999);
    expect([cancelled(), ended.mock.calls.length]).toEqual([false, 0]);
    await vi.advanceTimersByTimeAsync(1);
    expect([cancelled(), ended.mock.calls.length]).toEqual([true, 1]);
    // Should it read again, it does not take what it has for the whole.
    expect(decoder.decode((await reader.read()).value)).toBe('event: message\ndata: {"how":"unread"}\n\n');
    expect((await reader.read()).done).toBe(true);
  });

  it("waits for a slow client that takes something now and then", async () => {
    const { stream, send, cancelled } = source();
    const reader = relay(stream, options()).getReader();
    for (let i = 0; i < 5; i++) {
      send(": a\n\n");
      await reader.read();
      await vi.advanceTimersByTimeAsync(999);
    }
    expect(cancelled()).toBe(false);
  });

  it("is over after its longest life, read or not", async () => {
    const { stream, send, cancelled } = source();
    const reader = relay(stream, options({ lastsMs: 500 })).getReader();
    send(": a\n\n");
    await reader.read();
    await vi.advanceTimersByTimeAsync(500);
    expect(cancelled()).toBe(true);
  });

  it("leaves the others their turn where a source always has data and a client always takes it", async () => {
    vi.useRealTimers();
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(encoder.encode(": x\n\n")),
    });
    const reader = relay(endless, options()).getReader();
    const othersTurns: number[] = [];
    const other = setInterval(() => othersTurns.push(1), 0);
    while (othersTurns.length < 2) expect((await reader.read()).done).toBe(false);
    clearInterval(other);
    await reader.cancel();
  });

  it("stops the origin when the client leaves", async () => {
    const { stream, cancelled } = source();
    await relay(stream, options()).cancel();
    expect(cancelled()).toBe(true);
  });
});
