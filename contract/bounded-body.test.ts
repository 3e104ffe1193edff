import { describe, expect, it, vi } from "vitest";
import { bytesWithin, jsonWithin, textWithin, TooLongError } from "./bounded-body.ts";

describe("a body that is read up to a length", () => {
  it.each([
    ["none", null, ""],
    ["nothing", "", ""],
    ["one of exactly that length", "12345678", "12345678"],
    ["a byte order mark", "\uFEFF12", "12"],
    ["letters outside of ASCII, cut anywhere", "日本", "日本"],
  ])("gives %s", async (_, body, text) => {
    await expect(textWithin(new Response(body), 8)).resolves.toBe(text);
    const cut = new ReadableStream({
      start(controller) {
        for (const byte of new TextEncoder().encode(body ?? "")) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    await expect(textWithin(new Response(cut), 8)).resolves.toBe(text);
  });

  it("takes no more of one that is longer, and tells its sender", async () => {
    const cancel = vi.fn<() => void>();
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1024;
        controller.enqueue(new Uint8Array(1024));
      },
      cancel,
    });
    await expect(bytesWithin(new Response(endless), 10_000)).rejects.toThrow(TooLongError);
    expect(cancel).toHaveBeenCalledOnce();
    expect(sent).toBeLessThan(20_000);
  });

  it("gives JSON, and refuses what is none", async () => {
    await expect(jsonWithin(new Response('{"a":1}'), 100)).resolves.toEqual({ a: 1 });
    await expect(jsonWithin(new Response("<html>"), 100)).rejects.toThrow(SyntaxError);
  });
});
