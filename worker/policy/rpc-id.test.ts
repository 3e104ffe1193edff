import { describe, expect, it } from "vitest";
import { findRpcId } from "./rpc-id.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("the id of a request that the gateway answers itself", () => {
  it.each<[string, string, string | number | null]>([
    ["a number", '{"jsonrpc":"2.0","id":7,"method":"ping"}', 7],
    ["a text", '{"id":"a\\"b","method":"ping"}', 'a"b'],
    ["zero", '{"id":0}', 0],
    ["an empty text", '{"id":""}', ""],
    ["behind what carries ids of its own", '{"params":{"id":1,"list":[{"id":2}]},"id":3}', 3],
    ["the last one of two, as parsers take it", '{"id":1,"id":2}', 2],
    ["none", '{"method":"ping"}', null],
    ["no id of JSON-RPC", '{"id":{}}', null],
    ["a batch", '[{"id":1}]', null],
  ])("%s", (_, json, id) => {
    expect(findRpcId(bytes(json), true)).toBe(id);
    // Of a longer body only the beginning is there.
    expect(findRpcId(bytes(`${json.slice(0, -1)},"rest":"${"x".repeat(100)}`), false)).toBe(id);
  });

  it("is null where the beginning ends within it, and where the text is no JSON", () => {
    expect(findRpcId(bytes('{"id":12'), false)).toBeNull();
    expect(findRpcId(bytes('{"id":"ab'), false)).toBeNull();
    expect(findRpcId(bytes('{"id":12'), true)).toBeNull();
  });

  it("is not taken from a text that only looks like it", () => {
    expect(findRpcId(bytes('{"params":"\\"id\\":5,","id" : 6 ,'), false)).toBe(6);
  });
});
