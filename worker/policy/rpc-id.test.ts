import { describe, expect, it } from "vitest";
import { idIn, idInHead, namesMethod } from "./rpc-id.ts";

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
    ["a number that would come back as another one", '{"id":9007199254740993}', null],
    ["a number beyond all numbers", '{"id":1e999}', null],
    ["characters of four bytes", '{"id":"\u{1f511}"}', "\u{1f511}"],
    ["a batch", '[{"id":1}]', null],
  ])("%s", (_, json, id) => {
    expect(idIn(bytes(json))).toBe(id);
    // Of a longer body only the beginning is there.
    expect(idInHead(bytes(`${json.slice(0, -1)},"rest":"${"x".repeat(100)}`))).toBe(id);
  });

  it("is null where the beginning ends within it, and where the text is no JSON", () => {
    expect(idInHead(bytes('{"id":12'))).toBeNull();
    expect(idInHead(bytes('{"id":"ab'))).toBeNull();
    expect(idIn(bytes('{"id":12'))).toBeNull();
  });

  it("is null where it is no UTF-8, and not one that only looks like it", () => {
    const broken = Uint8Array.from([...bytes('{"id":"'), 0xff, ...bytes('","method":"ping"}')]);
    expect([idIn(broken), idInHead(broken)]).toEqual([null, null]);
  });

  it("may stand before a character of which the beginning has only a part", () => {
    expect(idInHead(Uint8Array.from([...bytes('{"id":5,"params":"'), 0xf0, 0x9f]))).toBe(5);
  });

  it.each([
    [true, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"text":"x'],
    [false, '{"jsonrpc":"2.0","id":1,"result":{"method":"x","text":"\\"method\\":'],
    [false, '["method",{"method":1'],
    [false, "{"],
  ])("stands in a request: %s, in %s", (names, text) => {
    expect(namesMethod(bytes(text))).toBe(names);
  });

  it("is not taken from a text that only looks like it", () => {
    expect(idInHead(bytes('{"params":"\\"id\\":5,","id" : 6 ,'))).toBe(6);
  });
});
