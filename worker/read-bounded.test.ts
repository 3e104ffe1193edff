import { connect } from "node:net";
import { join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Pieces, readBounded } from "./read-bounded.ts";

/** Tells how many reads a body took, kept and not kept. */
const WORKER = `
import { Pieces, readBounded } from "./read-bounded.ts";
export default {
  async fetch(request) {
    const [, how, limit] = new URL(request.url).pathname.split("/");
    if (how === "bounded") return Response.json((await readBounded(request.body, Number(limit)))?.length ?? null);
    const pieces = new Pieces(request.body);
    let [reads, size] = [0, 0];
    for (;;) {
      const length = how === "keep" ? await pieces.keep() : ((await pieces.next())?.length ?? 0);
      if (length === 0) return Response.json([reads, size, pieces.bytes.length]);
      reads++;
      size += length;
    }
  },
};`;
let runtime: Miniflare;
let port: number;
beforeAll(async () => {
  const { outputFiles } = await build({
    stdin: { contents: WORKER, resolveDir: join(import.meta.dirname), loader: "js" },
    bundle: true,
    format: "esm",
    target: "es2024",
    write: false,
  });
  runtime = new Miniflare({
    modules: true,
    script: outputFiles[0]?.text ?? "",
    compatibilityDate: "2026-07-01",
    port: 0,
    host: "127.0.0.1",
  });
  port = Number((await runtime.ready).port);
});
afterAll(() => runtime.dispose());

/** Sends a body in `count` chunks of `size` bytes. */
async function ask(path: string, count: number, size: number): Promise<unknown> {
  const socket = connect(port, "127.0.0.1");
  const { promise: body, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  // workerd closes the connection only seconds after the answer.
  socket.on("data", (chunk) => {
    text += String(chunk);
    const [head = "", ...rest] = text.split("\r\n\r\n");
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? Number.NaN);
    if (rest.join("").length >= length) resolve(rest.join("").slice(0, length));
  });
  socket.once("close", () => reject(new Error(`the answer ended early: ${text}`)));
  const chunk = `${size.toString(16)}\r\n${"x".repeat(size)}\r\n`;
  const head = `POST ${path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`;
  socket.write(`${head}${chunk.repeat(count)}0\r\n\r\n`);
  try {
    return JSON.parse(await body);
  } finally {
    socket.destroy();
  }
}

describe("a body in workerd, read in pieces", () => {
  it.each<[string, number, number, number, number]>([
    ["keep", 100_000, 1, 25, 100_000],
    ["next", 100_000, 1, 25, 0],
    ["keep", 3, 1, 1, 3],
    ["next", 3, 1, 1, 0],
  ])(
    "takes one read for 4 KiB at most, however it is cut: %s, %i chunks of %i",
    async (how, count, size, most, kept) => {
      const [reads, read, bytes] = (await ask(`/${how}`, count, size)) as [number, number, number];
      expect([read, bytes]).toEqual([count * size, kept]);
      expect(reads).toBeLessThanOrEqual(most);
    },
  );

  it.each([
    [100, 1, 99, null],
    [100, 1, 100, 100],
    [10, 10_000, 99_999, null],
    [10, 10_000, 100_000, 100_000],
  ])("%i chunks of %i are no more than %i: %s", async (count, size, limit, length) => {
    expect(await ask(`/bounded/${limit}`, count, size)).toBe(length);
  });
});

describe("a body, read in pieces", () => {
  const bytes = (...parts: readonly string[]): ReadableStream<Uint8Array> => {
    const left = [...parts];
    return new ReadableStream({
      type: "bytes",
      pull(controller) {
        const part = left.shift();
        if (part !== undefined) return controller.enqueue(new TextEncoder().encode(part));
        controller.close();
        controller.byobRequest?.respond(0);
      },
    });
  };

  it("is kept whole and in order, and ends once", async () => {
    const pieces = new Pieces(bytes("a".repeat(5000), "b", "c".repeat(9000)));
    while ((await pieces.keep()) > 0);
    expect(new TextDecoder().decode(pieces.bytes)).toBe("a".repeat(5000) + "b" + "c".repeat(9000));
    expect([await pieces.keep(), await pieces.next()]).toEqual([0, null]);
  });

  it("goes on after what was kept", async () => {
    const pieces = new Pieces(bytes("abc", "def", "ghi"));
    await pieces.keep();
    const rest: string[] = [];
    for (let piece = await pieces.next(); piece; piece = await pieces.next())
      rest.push(new TextDecoder().decode(piece));
    expect([new TextDecoder().decode(pieces.bytes), rest.join("")]).toEqual(["abc", "defghi"]);
  });

  it("is nothing where there is none", async () => {
    expect(await readBounded(null, 10)).toEqual(new Uint8Array(0));
    expect(await readBounded(bytes(), 10)).toEqual(new Uint8Array(0));
  });
});
