import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SANDBOX_URLS } from "../test/sandbox-urls.ts";
import { findSandbox, refuseTaken, register, runningSandboxes } from "./running.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpist-running-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const env = (url: string) => ({ MCPIST_SANDBOX: url });

describe("sandboxes that run on one machine", () => {
  it("have names of their own, and each is joined by its own", async () => {
    const [one, two] = await Promise.all([
      register(undefined, env("one"), folder),
      register("demo", env("two"), folder),
    ]);
    expect([one.name, two.name]).toEqual(["sandbox", "demo"]);
    expect((await findSandbox("sandbox", folder)).env).toEqual(env("one"));
    expect((await findSandbox("demo", folder)).env).toEqual(env("two"));
    await two.end();
    expect((await findSandbox(undefined, folder)).name).toBe("sandbox");
  });

  it("never share a name, also when they start together", async () => {
    // Beside one that was killed, whose file each of them would put aside.
    await writeFile(join(folder, "sandbox.json"), JSON.stringify({ pid: 2 ** 30, env: env("dead") }));
    const names = await Promise.all(Array.from({ length: 12 }, (_, n) => register(undefined, env(String(n)), folder)));
    expect(new Set(names.map(({ name }) => name)).size).toBe(12);
    const running = await runningSandboxes(folder);
    expect(new Set(running.map(({ env: { MCPIST_SANDBOX } }) => MCPIST_SANDBOX)).size).toBe(12);
    expect((await readdir(folder)).toSorted()).toEqual(names.map(({ name }) => `${name}.json`).toSorted());
    await expect(register("sandbox-2", env("x"), folder)).rejects.toThrow("a sandbox of that name runs already");
    await expect(refuseTaken("sandbox-2", folder)).rejects.toThrow("a sandbox of that name runs already");
    await expect(refuseTaken("sandbox-99", folder)).resolves.toBeUndefined();
  });

  it("are never guessed: several, and none of that name, are said with the names that there are", async () => {
    await expect(findSandbox(undefined, folder)).rejects.toThrow("no sandbox is running");
    await register("a", env("a"), folder);
    await register("b", env("b"), folder);
    await expect(findSandbox(undefined, folder)).rejects.toThrow("several sandboxes run: a, b");
    await expect(findSandbox("c", folder)).rejects.toThrow("no such sandbox is running: c; there are: a, b");
  });

  it("that died are forgotten, and their name is free again", async () => {
    // The highest process id that Linux has is far below this.
    await writeFile(join(folder, "sandbox.json"), JSON.stringify({ pid: 2 ** 30, env: env("dead") }));
    await writeFile(join(folder, "odd.json"), "{");
    expect(await runningSandboxes(folder)).toEqual([]);
    expect((await register(undefined, env("alive"), folder)).name).toBe("sandbox");
    expect((await findSandbox(undefined, folder)).env).toEqual(env("alive"));
  });

  it("that died are forgotten even where their process id is somebody else's by now", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const urls = JSON.stringify({ ...SANDBOX_URLS, control: `http://127.0.0.1:${port}` });
    await writeFile(join(folder, "demo.json"), JSON.stringify({ pid: process.pid, env: env(urls) }));
    expect((await findSandbox("demo", folder)).env).toEqual(env(urls));
    server.close();
    await once(server, "close");
    await expect(refuseTaken("demo", folder)).resolves.toBeUndefined();
    await expect(findSandbox("demo", folder)).rejects.toThrow("no sandbox is running");
  });

  it("leave what only this user may read", async () => {
    await register(undefined, env("one"), folder);
    expect((await stat(join(folder, "sandbox.json"))).mode & 0o777).toBe(0o600);
    await chmod(folder, 0o777);
    await expect(findSandbox(undefined, folder)).rejects.toThrow("can be written by somebody else");
  });
});
