import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventWatch } from "./event-watch.ts";

const ANSWER = 'data: {"jsonrpc":"2.0","id":7,"result":{}}';
const PROGRESS = 'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"result":"\\"result\\""}}';
/** Feeds pieces of `size` bytes. @returns answered, between */
function watched(text: string, size = text.length): readonly [boolean, boolean] {
  const watch = new EventWatch();
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) watch.feed(bytes.subarray(at, at + size));
  return [watch.answered, watch.between];
}

describe("what went by in an event stream", () => {
  it.each<[string, string, boolean, boolean]>([
    ["nothing", "", false, true],
    ["a comment", ": keepalive\n\n", false, true],
    ["half a comment", ": keep", false, false],
    ["a result", `event: message\n${ANSWER}\n\n`, true, true],
    ["an error", 'data: {"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"x"}}\n\n', true, true],
    ["a result with CR LF", `${ANSWER}\r\n\r\n`, true, true],
    ["a result with CR", `${ANSWER}\r\r`, true, true],
    ["a result without a space", `${ANSWER.replace("data: ", "data:")}\n\n`, true, true],
    ["a result over two lines", 'data: {"jsonrpc":"2.0","id":7,\ndata: "result":{}}\n\n', true, true],
    ["a result whose event was not ended", `${ANSWER}\n`, false, false],
    ["half a result", ANSWER.slice(0, 30), false, false],
    ["progress that speaks of a result", `${PROGRESS}\n\n`, false, true],
    ["progress, then a result", `${PROGRESS}\n\n${ANSWER}\n\n`, true, true],
    ["a result, then half an event", `${ANSWER}\n\ndata: x`, true, false],
    ["a request of the server", 'data: {"jsonrpc":"2.0","id":1,"method":"ping"}\n\n', false, true],
    ["a request that pretends", 'data: {"jsonrpc":"2.0","id":1,"method":"ping","result":{}}\n\n', false, true],
    ["a long result", `data: {"jsonrpc":"2.0","id":7,"result":"${"x".repeat(70_000)}"}\n\n`, true, true],
    ["half a long result", `data: {"jsonrpc":"2.0","id":7,"result":"${"x".repeat(70_000)}`, false, false],
  ])("%s", (_, text, answered, between) => {
    for (const size of [1, 2, 3, 7, 1000, Math.max(1, text.length)])
      expect([size, ...watched(text, size)]).toEqual([size, answered, between]);
  });

  it("is the same however the bytes are cut, and never throws", () => {
    const piece = fc.constantFrom("\n", "\r", "\r\n", ANSWER, PROGRESS, ": c", "data:", "event: x", "é", "data: {}");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.integer({ min: 1, max: 20 }), (pieces, size) => {
        const text = pieces.join("");
        expect(watched(text, size)).toEqual(watched(text));
      }),
    );
  });
});
