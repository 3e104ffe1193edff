import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { endWhenIdle } from "./stream.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function source(): {
  readonly stream: ReadableStream<Uint8Array>;
  readonly send: (byte: number) => void;
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
    send: (byte) => controller?.enqueue(Uint8Array.of(byte)),
    close: () => controller?.close(),
    fail: () => controller?.error(new Error("connection lost")),
    cancelled: () => cancelled,
  };
}

describe("event stream", () => {
  it("passes every chunk on as it comes, and the end", async () => {
    const { stream, send, close } = source();
    const reader = endWhenIdle(stream, 1000).getReader();
    for (const byte of [1, 2, 3]) {
      send(byte);
      expect((await reader.read()).value).toEqual(Uint8Array.of(byte));
      await vi.advanceTimersByTimeAsync(900);
    }
    close();
    expect((await reader.read()).done).toBe(true);
  });

  it("breaks off after silence, which is not an end, and stops the origin", async () => {
    const { stream, cancelled } = source();
    const read = endWhenIdle(stream, 1000).getReader().read();
    const outcome = expect(read).rejects.toThrow(expect.objectContaining({ name: "StreamIdle" }) as Error);
    await vi.advanceTimersByTimeAsync(1000);
    await outcome;
    expect(cancelled()).toBe(true);
  });

  it("stays broken when the origin's connection breaks", async () => {
    const { stream, fail } = source();
    const read = endWhenIdle(stream, 1000).getReader().read();
    fail();
    await expect(read).rejects.toThrow("connection lost");
  });

  it("stops the origin when the client leaves", async () => {
    const { stream, cancelled } = source();
    await endWhenIdle(stream, 1000).cancel();
    expect(cancelled()).toBe(true);
  });
});
