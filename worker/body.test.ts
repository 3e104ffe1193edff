import { afterEach, describe, expect, it, vi } from "vitest";
import { Deadlines } from "./deadline.ts";
import { drain, takeBody, type Room, type StreamedBody } from "./body.ts";

const KIB = 1024;
const post = (body: BodyInit | null, headers: Record<string, string> = {}): Request =>
  new Request("https://mcp.example.com/mcp", { method: "POST", body, headers, duplex: "half" } as RequestInit);
/** A body as requests have it: of bytes. */
const bytesFrom = (
  pull: (controller: ReadableByteStreamController) => void | Promise<void>,
): ReadableStream<Uint8Array> => new ReadableStream({ type: "bytes", pull });
/** Ends it; whoever waits with room of its own is told. */
const close = (controller: ReadableByteStreamController): void => {
  controller.close();
  controller.byobRequest?.respond(0);
};
/** `count` chunks of `size` bytes, then `end`. */
const chunks = (count: number, size: number, end: "close" | "error" = "close"): ReadableStream<Uint8Array> => {
  let left = count;
  return bytesFrom((controller) => {
    if (left-- > 0) controller.enqueue(new Uint8Array(size).fill(left % 256));
    else if (end === "close") close(controller);
    else controller.error(new Error("client left"));
  });
};
const sizeOf = async (stream: ReadableStream<Uint8Array>): Promise<number> => {
  let size = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return size;
    size += value.length;
  }
};
const endless = { grow: () => true };
const take = (request: Request, room: Room = endless): ReturnType<typeof takeBody> =>
  takeBody(request, request.headers.get("content-length"), room, new Deadlines());
const streamed = async (request: Request): Promise<StreamedBody> => {
  const taken = await take(request);
  const body = taken.ok ? taken.value : null;
  if (body?.kind !== "stream") throw new Error("this body should have been streamed");
  return body;
};
afterEach(() => {
  vi.useRealTimers();
});

describe("client body", () => {
  it.each([
    ["nothing", null, 0],
    ["a declared body", "x".repeat(1000), 1000],
    ["an undeclared body", chunks(4, 64 * KIB), 256 * KIB],
  ])("keeps %s whole, so that it can be sent twice", async (_, body, size) => {
    expect(await take(post(body))).toMatchObject({ ok: true, value: { kind: "bytes", bytes: { length: size } } });
  });

  it("finds no place where there is no room, and asks for no more than has come", async () => {
    const asked: number[] = [];
    const room = { grow: (bytes: number) => asked.push(bytes) < 3 };
    expect(await take(post(chunks(4, 64 * KIB)), room)).toEqual({ ok: false, error: "full" });
    expect(asked).toEqual([4 * KIB, 8 * KIB, 16 * KIB]);
  });

  it("is given up when it pauses for five seconds, small or large, kept or streamed", async () => {
    vi.useFakeTimers();
    const stalled = (count: number): ReadableStream<Uint8Array> => {
      let left = count;
      return bytesFrom((controller) =>
        left-- > 0 ? controller.enqueue(new Uint8Array(64 * KIB)) : new Promise<void>(() => undefined),
      );
    };
    const kept = Promise.all([
      take(post(stalled(0))),
      take(post(stalled(0), { "content-length": "100" })),
      take(post(stalled(3))),
    ]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await kept).toEqual(Array.from({ length: 3 }, () => ({ ok: false, error: "slow" })));
    const body = await streamed(post(stalled(8)));
    const sent = expect(sizeOf(body.stream)).rejects.toThrow("slow");
    await vi.advanceTimersByTimeAsync(5000);
    await sent;
    expect(body.fate()).toBe("slow");
  });

  it("is given up when it drips: a byte now and then earns no time", async () => {
    vi.useFakeTimers();
    let sent = 0;
    const drip = bytesFrom(
      (controller) =>
        new Promise((resolve) =>
          setTimeout(() => {
            if (sent++ < 4) controller.enqueue(new Uint8Array(1));
            resolve();
          }, 1000),
        ),
    );
    const taken = take(post(drip));
    await vi.advanceTimersByTimeAsync(7000);
    expect(await taken).toEqual({ ok: false, error: "slow" });
  });

  it("streams what is larger, every byte of it and in order", async () => {
    const body = await streamed(post(chunks(40, 64 * KIB)));
    expect(body.head.length).toBe(320 * KIB);
    expect(body.fate()).toBe("pending");
    expect(await sizeOf(body.stream)).toBe(40 * 64 * KIB);
    expect(body.fate()).toBe("sent");
  });

  it("cuts off what turns out to be larger than 4 MiB", async () => {
    const body = await streamed(post(chunks(100, 64 * KIB)));
    await expect(sizeOf(body.stream)).rejects.toThrow("too-large");
    expect(body.fate()).toBe("too-large");
    await body.ended;
  });

  it("lets through what is exactly 4 MiB", async () => {
    const body = await streamed(post(chunks(64, 64 * KIB)));
    expect(await sizeOf(body.stream)).toBe(4 * KIB * KIB);
  });

  it("knows that it was the client who broke off", async () => {
    const body = await streamed(post(chunks(10, 64 * KIB, "error")));
    await expect(sizeOf(body.stream)).rejects.toThrow("broken");
    expect(body.fate()).toBe("broken");
  });
});

describe("body of a refused request", () => {
  it("is read when it is little, declared or not", async () => {
    for (const body of ["x".repeat(1000), chunks(2, KIB)]) {
      const request = post(body);
      await drain(request);
      expect(request.bodyUsed).toBe(true);
    }
  });

  it("is left alone when it says that it is much", async () => {
    const request = post("x", { "content-length": "100000" });
    await drain(request);
    expect(request.bodyUsed).toBe(false);
  });

  it("is not waited for longer than a second, and never throws", async () => {
    vi.useFakeTimers();
    const silent = drain(post(bytesFrom(() => new Promise<void>(() => undefined))));
    await vi.advanceTimersByTimeAsync(1000);
    await expect(silent).resolves.toBeUndefined();
    await expect(drain(post(chunks(1, KIB, "error")))).resolves.toBeUndefined();
    await expect(drain(post(null))).resolves.toBeUndefined();
  });
});
