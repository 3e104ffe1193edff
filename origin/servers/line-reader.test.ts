import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";
import { LineReader } from "./line-reader.ts";

function reader() {
  const seen: (string | number | null)[] = [];
  let now = 0;
  const lines = new LineReader({ line: (text) => seen.push(text), tooLong: (id) => seen.push(id) }, () => now);
  return {
    seen,
    take: (...pieces: readonly (string | Buffer)[]) => pieces.map((piece) => lines.take(Buffer.from(piece))).at(-1),
    later: (ms: number) => void (now += ms),
  };
}
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const long = "x".repeat(3 * 1024 * 1024);

describe("lines of a child", () => {
  it("are whole, wherever the pieces are cut, also within a character", () => {
    const { seen, take } = reader();
    const text = Buffer.from("größe\nzwei\nrest");
    take(...[...text].map((byte) => Buffer.from([byte])));
    expect(seen).toEqual(["größe", "zwei"]);
    take("\n");
    expect(seen.at(-1)).toBe("rest");
  });

  it("cost no more buffers when they come byte by byte", async () => {
    const seen: string[] = [];
    const lines = new LineReader({ line: (text) => seen.push(text), tooLong: () => {} }, () => 0);
    const rooms = vi.spyOn(Buffer, "allocUnsafe");
    const pieces = Array.from({ length: 5_000 }, () => {
      const piece = Buffer.from("x");
      lines.take(piece);
      return new WeakRef(piece);
    });
    // Room is made for twice as much each time, and not for every byte.
    expect(rooms.mock.calls.length).toBeLessThanOrEqual(2);
    rooms.mockRestore();
    await turn();
    collectGarbage();
    expect(pieces.filter((piece) => piece.deref() !== undefined).length).toBeLessThanOrEqual(256);
    lines.take(Buffer.from("\n"));
    expect(seen).toEqual(["x".repeat(5_000)]);
  });

  it.each([
    ["before its result", `{"jsonrpc":"2.0","id":7,"result":{"a":"${long}"}}`, 7],
    ["first of all", `{ "id": 8, "result": "${long}" }`, 8],
    ["at its end", `{"result":{"id":1,"a":"${long}"},"jsonrpc":"2.0","id":9}`, 9],
    ["only within its result", `{"result":{"id":1,"a":"${long}"}}`, null],
    ["as a text", `{"jsonrpc":"2.0","id":"7","result":"${long}"}`, null],
  ])("that are too long are skipped, with the id that stands %s", (_where, line, id) => {
    const { seen, take, later } = reader();
    for (let at = 0; at < line.length; at += 65_536) {
      later(100);
      take(line.slice(at, at + 65_536));
    }
    take("\nnext\n");
    expect(seen).toEqual([id, "next"]);
  });

  it("are taken at a bounded pace, and none is lost", () => {
    const { seen, take, later } = reader();
    const all = Array.from({ length: 1000 }, (_, n) => `line ${n}`);
    expect(take(`${all.join("\n")}\n`)).toBe(100);
    expect(seen).toHaveLength(200);
    for (let round = 0; round < 4; round++) {
      later(100);
      take("");
    }
    expect(seen).toEqual(all);
  });

  it("that take long to be read are taken for a quarter of the time", () => {
    let now = 0;
    const lines = new LineReader({ line: () => void (now += 30), tooLong: () => {} }, () => now);
    // 50 ms at once are free; the third line waits.
    expect(lines.take(Buffer.from("a\nb\nc\n"))).toBe(100);
    now += 100;
    expect(lines.take(Buffer.alloc(0))).toBe(30);
    now += 10_000;
    expect(lines.take(Buffer.from("d\n"))).toBe(0);
  });

  it("make a pause where they are few and large", () => {
    const { take, later } = reader();
    later(1);
    const megabyte = `${"x".repeat(1024 * 1024)}\n`;
    expect([megabyte, megabyte, megabyte, megabyte].map((piece) => take(piece))).toEqual([0, 0, 0, 100]);
  });
});
