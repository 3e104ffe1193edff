import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { ChildTransport } from "./child-transport.ts";
import { connect, type Connection } from "./connection.ts";

const TINY = fileURLToPath(new URL("../test/servers/tiny.ts", import.meta.url));
const open: Connection[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.close()));
});

async function start(mode = "plain", onStderr: (text: string) => void = () => {}): Promise<Connection> {
  const connection = await connect({
    transport: () =>
      new ChildTransport({
        words: [process.execPath, TINY, mode],
        env: { PATH: "/usr/bin", HOME: "/nonexistent", KEY: "k" },
        cwd: "/",
        onStderr,
      }),
    version: "0.0.0",
    onListChanged: () => {},
  });
  open.push(connection);
  return connection;
}
const call = (name: string, more: Partial<Parameters<Connection["call"]>[0]> = {}) => ({
  name,
  params: {},
  meta: {},
  signal: new AbortController().signal,
  timeoutMs: 20_000,
  onProgress: null,
  ...more,
});

describe("a connection to a server over its standard streams", () => {
  it("lists every page as it came", async () => {
    const { tools, truncated, instructions } = await (await start()).list();
    expect(tools).toHaveLength(5);
    expect(truncated).toBe(false);
    expect(instructions).toBe("Be kind.");
  });

  it("ends a list that has no end", async () => {
    const { tools, truncated } = await (await start("endless")).list();
    expect(tools.length).toBeLessThanOrEqual(1_000);
    expect(truncated).toBe(true);
  });

  it("runs a tool, in an environment of its own", async () => {
    const connection = await start("noise");
    expect(await connection.call(call("echo", { params: { text: "hello" } }))).toEqual({
      kind: "result",
      result: { content: [{ type: "text", text: "hello" }] },
    });
    const answer = await connection.call(call("who"));
    expect(JSON.stringify(answer)).toContain('\\"env\\":[\\"HOME\\",\\"KEY\\",\\"PATH\\"]');
  });

  it("passes progress on, and cancellation to the server", async () => {
    const connection = await start();
    const stop = new AbortController();
    const seen: number[] = [];
    const answer = await connection.call(
      call("slow", {
        signal: stop.signal,
        onProgress: ({ progress }) => {
          seen.push(progress);
          if (seen.length === 3) stop.abort();
        },
      }),
    );
    expect(seen).toEqual([1, 2, 3]);
    expect(answer).toEqual({ kind: "unknown" });
    // The server goes on to serve others.
    expect((await connection.call(call("echo"))).kind).toBe("result");
  });

  it("tells an answer that the server gave from one that it never gave", async () => {
    const connection = await start();
    expect(await connection.call(call("nothing"))).toEqual({ kind: "refused" });
    expect(await connection.call(call("die"))).toEqual({ kind: "unknown" });
    await connection.closed;
  });

  it("has no list when it is larger than a message may be", async () => {
    await expect((await start("huge")).list()).rejects.toThrow();
  });

  it("is refused by a program that ends or is none", async () => {
    await expect(start("exits")).rejects.toThrow();
  });
});
