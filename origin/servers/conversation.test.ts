import type { JSONRPCMessage } from "@modelcontextprotocol/client";
import { describe, expect, it } from "vitest";
import { Conversation } from "./conversation.ts";

/** Two calls, which the child knows as 700 and 701. */
function begun() {
  let next = 700;
  const conversation = new Conversation(() => next++);
  const ask = (id: number): JSONRPCMessage =>
    conversation.out({
      jsonrpc: "2.0",
      id,
      method: "tools/call",
      params: { name: "t", _meta: { progressToken: id, other: 1 } },
    });
  return { conversation, told: [ask(1), ask(2)] };
}
const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
const fine = { jsonrpc: "2.0", id: 1, result: { content: [] } };
const failed = (code: number, message = "") => ({ jsonrpc: "2.0", id: 1, error: { code, message } });

describe("what is said to a child", () => {
  it("has ids that nobody can guess, for progress too", () => {
    expect(begun().told).toEqual([
      { jsonrpc: "2.0", id: 700, method: "tools/call", params: { name: "t", _meta: { progressToken: 700, other: 1 } } },
      { jsonrpc: "2.0", id: 701, method: "tools/call", params: { name: "t", _meta: { progressToken: 701, other: 1 } } },
    ]);
  });

  it("names a call that is given up by the id that the child knows, and knows no answer to it any more", () => {
    const { conversation } = begun();
    expect(
      conversation.out({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 2, reason: "r" } }),
    ).toEqual({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 701, reason: "r" } });
    expect(conversation.in('{"jsonrpc":"2.0","id":701,"result":{}}')).toEqual([]);
  });

  it("is passed on as it is when it is no question", () => {
    const { conversation } = begun();
    const answer: JSONRPCMessage = { jsonrpc: "2.0", id: "theirs", error: { code: -32_601, message: "no" } };
    expect(conversation.out(answer)).toBe(answer);
  });
});

describe("what a child says", () => {
  it.each([
    ["is an answer", '{"jsonrpc":"2.0","id":700,"result":{"content":[]}}', [fine]],
    ["names its request as a text", '{"jsonrpc":"2.0","id":"700","result":{"content":[]}}', [fine]],
    [
      "has a null for the error that there is not",
      '{"jsonrpc":"2.0","id":700,"result":{"content":[]},"error":null}',
      [fine],
    ],
    ["has members of its own", '{"jsonrpc":"2.0","id":700,"result":{"content":[]},"trace":"x"}', [fine]],
    [
      "is a batch",
      '[{"jsonrpc":"2.0","id":700,"result":{"content":[]}},{"jsonrpc":"2.0","method":"m"}]',
      [fine, { jsonrpc: "2.0", method: "m" }],
    ],
    ["is null", '{"jsonrpc":"2.0","id":700,"result":null}', [failed(-32_097)]],
    ["is neither result nor error", '{"jsonrpc":"2.0","id":700}', [failed(-32_097)]],
    ["is a list", '{"jsonrpc":"2.0","id":700,"result":[1]}', [failed(-32_097)]],
    ["is both", '{"jsonrpc":"2.0","id":700,"result":{},"error":{"code":1,"message":"m"}}', [failed(-32_098)]],
    ["is an error", '{"jsonrpc":"2.0","id":700,"error":{"code":5,"message":"m"},"result":null}', [failed(5, "m")]],
    ["is an error in words", '{"jsonrpc":"2.0","id":700,"error":"boom"}', [failed(-32_603)]],
    ["is an error without a number", '{"jsonrpc":"2.0","id":700,"error":{"code":"E"}}', [failed(-32_603)]],
    [
      "is an error as deep as a well",
      `{"jsonrpc":"2.0","id":700,"error":{"code":5,"message":"m","data":${deep}}}`,
      [failed(5, "m")],
    ],
    ["answers what nobody asked", '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}', []],
    ["answers what nobody asked, without end", `{"jsonrpc":"2.0","id":9,"result":${deep}}`, []],
    ["answers nothing by its name", '{"jsonrpc":"2.0","id":{},"result":{}}', []],
    ["is news as deep as a well", `{"jsonrpc":"2.0","method":"m","params":{"a":${deep}}}`, []],
    ["is news as long as a book", `{"jsonrpc":"2.0","method":"m","params":{"a":"${"x".repeat(70_000)}"}}`, []],
    [
      "is progress of a call",
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":701,"progress":1}}',
      [{ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 2, progress: 1 } }],
    ],
    [
      "is progress of nothing",
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":1}}',
      [],
    ],
    ["is a question", '{"jsonrpc":"2.0","id":700,"method":"ping"}', [{ jsonrpc: "2.0", id: 700, method: "ping" }]],
    ["is no JSON", "starting ...", null],
    ["is no message", '{"level":"info"}', null],
    ["is no message either", "[1,2]", null],
  ])("and %s", (_what, line, expected) => {
    expect(begun().conversation.in(line)).toEqual(expected);
  });

  it("is read however long it is when it may be an answer", () => {
    const text = "x".repeat(70_000);
    const [answer] = begun().conversation.in(`{"jsonrpc":"2.0","result":{"a":"${text}"},"id":700}`) ?? [];
    expect(answer).toEqual({ jsonrpc: "2.0", id: 1, result: { a: text } });
  });

  it("answers a request once", () => {
    const { conversation } = begun();
    const line = '{"jsonrpc":"2.0","id":700,"result":{"content":[]}}';
    expect([conversation.in(line), conversation.in(line)]).toEqual([[fine], []]);
    expect(conversation.tooLong(700)).toBeNull();
    expect(conversation.tooLong(701)).toEqual({ jsonrpc: "2.0", id: 2, error: { code: -32_099, message: "" } });
  });
});
