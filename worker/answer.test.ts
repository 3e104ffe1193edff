/** Answers that a client does not take: who holds what, and for how long. workerd itself is in gateway.stream.test.ts. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answerBody, CUT, type AnswerBody, type Passing } from "./answer.ts";

/** As workerd's, but for the check of the length. */
class FixedLength extends TransformStream<Uint8Array, Uint8Array> {
  constructor(_length: number) {
    super();
  }
}
beforeEach(() => {
  vi.stubGlobal("FixedLengthStream", FixedLength);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const passing = (more: Partial<Passing> = {}): Passing => ({
  endsFreely: false,
  explain: () => "{}",
  lastsMs: 10_000,
  ended: () => undefined,
  keep: () => true,
  owed: () => true,
  ...more,
});
const json = (bytes: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(Buffer.from(JSON.stringify("a".repeat(bytes - 2))));
/** An answer as an origin makes it. */
const answer = (body: Uint8Array<ArrayBuffer>, declared: boolean): Response =>
  new Response(new Blob([body]).stream(), {
    headers: { "content-type": "application/json", ...(declared ? { "content-length": String(body.length) } : {}) },
  });
async function taken(response: Response, more: Partial<Passing>): Promise<AnswerBody> {
  const body = await answerBody(response, "both", passing(more));
  if (body === CUT) throw new Error("cut");
  return body;
}
const KIB = 1024;

describe("an answer in JSON", () => {
  it.each([
    ["declared", true],
    ["not declared", false],
  ])("of up to 64 KiB, %s, is in the buffers of its client and held by nobody", async (_, declared) => {
    const body = json(64 * KIB);
    const { body: given, lasts } = await taken(answer(body, declared), { keep: () => false });
    expect(lasts).toBe(false);
    expect(new Uint8Array(await new Response(given).arrayBuffer())).toEqual(body);
  });

  it.each([
    ["declared", true],
    ["not declared", false],
  ])("of more, %s, holds its place until the client has taken it", async (_, declared) => {
    const ended = vi.fn<() => void>();
    const body = json(200 * KIB);
    const { body: given, lasts } = await taken(answer(body, declared), { ended });
    expect([lasts, ended.mock.calls.length]).toEqual([true, 0]);
    expect(new Uint8Array(await new Response(given).arrayBuffer())).toEqual(body);
    await expect.poll(() => ended).toHaveBeenCalledOnce();
  });

  it.each([
    ["declared", true, true],
    ["not declared", false, true],
    ["not declared and without room for the whole", false, false],
  ])("gives the place back when the client leaves: %s", async (_, declared, room) => {
    const ended = vi.fn<() => void>();
    const { body } = await taken(answer(json(200 * KIB), declared), { ended, keep: () => room });
    if (!(body instanceof ReadableStream)) throw new Error("no stream");
    await body.cancel();
    await expect.poll(() => ended).toHaveBeenCalledOnce();
  });

  it("is passed on as it comes where there is no room for the whole", async () => {
    const ended = vi.fn<() => void>();
    const body = json(200 * KIB);
    const kept: number[] = [];
    const keep = (bytes: number): boolean => {
      kept.push(bytes);
      return bytes < 100 * KIB;
    };
    const { body: given } = await taken(answer(body, false), { ended, keep });
    expect(Math.min(...kept)).toBeGreaterThan(64 * KIB);
    expect(new Uint8Array(await new Response(given).arrayBuffer())).toEqual(body);
    expect(ended).toHaveBeenCalledOnce();
  });

  it.each([
    ["declared", { "content-length": "1000000" }],
    ["not declared", {}],
  ])("of a client that takes nothing, %s, is ended after a minute", async (_, length) => {
    vi.useFakeTimers();
    const [ended, cancelled] = [vi.fn<() => void>(), vi.fn<() => void>()];
    const pull = (controller: ReadableByteStreamController): void => controller.enqueue(new Uint8Array(16 * KIB));
    const source = new ReadableStream({ type: "bytes", pull, cancel: cancelled });
    const headers = { "content-type": "application/json", ...length };
    await taken(new Response(source, { headers }), { ended, keep: () => false });
    await vi.advanceTimersByTimeAsync(59_000);
    expect(cancelled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2_000);
    expect([ended.mock.calls.length, cancelled.mock.calls.length]).toEqual([1, 1]);
  });

  it.each([
    ["declared", { "content-length": "1000000" }],
    ["not declared", {}],
  ])("ends at its origin when the client leaves while nothing comes: %s", async (_, length) => {
    const [ended, cancelled] = [vi.fn<() => void>(), vi.fn<() => void>()];
    const source = new ReadableStream({
      type: "bytes",
      start: (controller) => controller.enqueue(new Uint8Array(80 * KIB)),
      cancel: cancelled,
    });
    const headers = { "content-type": "application/json", ...length };
    const { body } = await taken(new Response(source, { headers }), { ended, keep: () => false });
    if (!(body instanceof ReadableStream)) throw new Error("no stream");
    const reader = body.getReader();
    for (let got = 0; got < 80 * KIB;) got += (await reader.read()).value?.length ?? Infinity;
    await reader.cancel();
    await expect.poll(() => [ended.mock.calls.length, cancelled.mock.calls.length]).toEqual([1, 1]);
  });

  it.each([
    ["declared", { "content-length": "1000000000000" }],
    ["not declared", {}],
  ])("without an end, %s, leaves the others their turn", async (_, length) => {
    const bytes = new Uint8Array(16 * KIB).fill(0x20);
    const endless = new ReadableStream({ type: "bytes", pull: (controller) => controller.enqueue(bytes.slice()) });
    const headers = { "content-type": "application/json", ...length };
    const { body } = await taken(new Response(endless, { headers }), { keep: () => false });
    if (!(body instanceof ReadableStream)) throw new Error("no stream");
    const reader = body.getReader();
    const othersTurns: number[] = [];
    const other = setInterval(() => othersTurns.push(1), 0);
    for (let read = 0; read < 10_000 && othersTurns.length < 2; read++) expect((await reader.read()).done).toBe(false);
    clearInterval(other);
    expect(othersTurns.length).toBeGreaterThanOrEqual(2);
    await reader.cancel();
  });
});
