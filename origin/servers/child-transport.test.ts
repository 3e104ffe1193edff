/** What the system or a child does to the process that runs it. */
import { spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import type { JSONRPCMessage } from "@modelcontextprotocol/client";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ChildTransport } from "./child-transport.ts";

vi.mock("node:child_process", async (original) => {
  const real = await original<typeof import("node:child_process")>();
  return { ...real, spawn: vi.fn(real.spawn) };
});
const open: ChildTransport[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((transport) => transport.close()));
});

function shell(script: string) {
  const said: string[] = [];
  const transport = new ChildTransport({
    words: ["/bin/sh", "-c", script],
    env: { PATH: "/usr/bin:/bin" },
    cwd: "/",
    onStderr: (text) => said.push(text),
  });
  open.push(transport);
  return { transport, said };
}

describe("a child", () => {
  it.each([
    [
      "no descriptors are left, so that it has no streams",
      "EMFILE",
      () => Object.assign(new EventEmitter(), { pid: undefined }),
    ],
    ["its words are too many", "E2BIG", () => Promise.reject(new Error("thrown instead"))],
  ])("that cannot be started because %s ends nobody else", async (_why, code, made) => {
    const error = Object.assign(new Error(`spawn ${code}`), { code });
    vi.mocked(spawn).mockImplementationOnce(() => {
      if (code === "E2BIG") throw error;
      const child = made() as EventEmitter;
      process.nextTick(() => child.emit("error", error));
      return child as never;
    });
    const { transport, said } = shell("");
    await expect(transport.start()).rejects.toThrow(code);
    expect(said).toEqual([`mcpist: the program cannot be started (${code})\n`]);
    await transport.close();
  });

  it("cannot end the process that reads it with a message that its reader cannot bear", async () => {
    const { transport } = shell(
      `echo '{"jsonrpc":"2.0","method":"first"}'; echo '{"jsonrpc":"2.0","method":"second"}'; cat`,
    );
    const errors: string[] = [];
    transport.onerror = ({ message }) => void errors.push(message);
    const second = Promise.withResolvers<JSONRPCMessage>();
    transport.onmessage = (message) => {
      if ("method" in message && message.method === "second") second.resolve(message);
      throw new RangeError("Maximum call stack size exceeded");
    };
    await transport.start();
    expect(await second.promise).toEqual({ jsonrpc: "2.0", method: "second" });
    await expect.poll(() => errors).toHaveLength(2);
    expect(errors[0]).toBe("a message could not be read");
  });

  it.each([
    ["its output", "exec >&-; exec sleep 300"],
    ["its input", "exec <&-; exec sleep 300"],
  ])("that closed %s and lives on is ended, so that it can be started again", async (_what, script) => {
    const { transport } = shell(script);
    const over = Promise.withResolvers<void>();
    transport.onclose = over.resolve;
    await transport.start();
    // Whoever writes to a closed input hears of it at once or at the next word.
    const writing = setInterval(() => transport.send({ jsonrpc: "2.0", method: "m" }).catch(() => {}), 50);
    await expect(over.promise).resolves.toBeUndefined();
    clearInterval(writing);
  });

  it("that reads nothing gets no more calls than it can hold, and the ones that wait are not lost", async () => {
    const { transport } = shell("exec sleep 300");
    await transport.start();
    const call = (id: number): Promise<unknown> =>
      transport
        .send({
          jsonrpc: "2.0",
          id,
          method: "tools/call",
          params: { name: "t", arguments: { a: "x".repeat(3_000_000) } },
        })
        .catch((cause: unknown) => cause);
    for (let id = 0; id < 3; id++) void call(id);
    expect(await call(3)).toMatchObject({ kind: "busy" });
    let over = false;
    transport.onclose = () => void (over = true);
    expect(over).toBe(false);
  });
});
