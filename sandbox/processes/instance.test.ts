import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { type Instance, startInstance } from "./instance.ts";
import { ask, FAKE_ORIGIN, until } from "../test/harness.ts";

const SECRET = "postgres://role:canary-4711-value@127.0.0.1/db";
const started: Instance[] = [];
const lines: string[] = [];

async function start(environment: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Instance> {
  const instance = await startInstance(environment, {
    id: "i-1",
    log: (line) => lines.push(line),
    program: FAKE_ORIGIN,
    signal,
  });
  started.push(instance);
  return instance;
}
afterEach(async () => {
  lines.length = 0;
  await Promise.all(started.splice(0).map((instance) => instance.kill()));
});
const gone = (pid: number): boolean => {
  try {
    return !process.kill(pid, 0);
  } catch {
    return true;
  }
};

describe("an instance", () => {
  it("has its environment, and no value of it stands in the process table", async () => {
    const instance = await start({ DATABASE_URL: SECRET });
    const { environment } = await ask(instance.url);
    expect(environment).toMatchObject({ DATABASE_URL: SECRET, HOST: "127.0.0.1" });
    if (process.platform !== "linux") return;
    const table = await Promise.all(
      ["environ", "cmdline"].map((file) => readFile(`/proc/${instance.pid}/${file}`, "utf8")),
    );
    expect(table.join("\n")).not.toContain("canary-4711");
  });

  it("tells its own sentence when it refuses to start", async () => {
    await expect(start({ BEHAVE: "refuse" })).rejects.toThrow(
      "error: no valid gateway secret in GATEWAY_SECRET_A or GATEWAY_SECRET_B",
    );
    expect(lines).toHaveLength(1);
  });

  it("never carries a value of its environment into an error or the operator's log", async () => {
    const failure = await start({ BEHAVE: "leak", DATABASE_URL: SECRET }).then(
      () => "it started",
      (error: unknown) => String(error),
    );
    expect(failure).toContain("Error: cannot connect to [hidden]");
    expect([failure, ...lines].join("\n")).not.toContain("canary-4711");
  });

  it("is given up when nobody wants its start any more", async () => {
    const reason = new Error("not wanted");
    await expect(start({}, AbortSignal.abort(reason))).rejects.toBe(reason);
    const later = new AbortController();
    setTimeout(() => later.abort(reason), 20);
    await expect(start({}, later.signal)).rejects.toBe(reason);
  });

  it("is killed when it ignores the polite signal", async () => {
    const instance = await start({ BEHAVE: "stubborn" });
    await instance.stop("SIGTERM", 50);
    expect(await instance.exited).toEqual({ code: null });
    expect(instance.state).toBe("exited");
  });

  it("finishes what is under way before it ends", async () => {
    const instance = await start({});
    const slow = fetch(`${instance.url}/slow`);
    await until(async () => (await instance.healthy("/health", 1000)) || null);
    await instance.stop();
    expect(await (await slow).text()).toBe("slow");
    expect(await instance.exited).toEqual({ code: 0 });
  });

  it("keeps its memory while it is suspended", async () => {
    const instance = await start({ GATEWAY_SECRET_A: "first" });
    instance.suspend();
    expect(await instance.healthy("/health", 100)).toBe(false);
    instance.resume();
    expect(await instance.healthy("/health", 2000)).toBe(true);
    expect((await ask(instance.url))["environment"]).toMatchObject({ GATEWAY_SECRET_A: "first" });
  });

  it("ends with its parent, even suspended and even when the parent is killed", async () => {
    const parent = spawn(process.execPath, [fileURLToPath(new URL("../test/parent.ts", import.meta.url))], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(createInterface({ input: parent.stdout }), "line")) as [string];
    const pids = JSON.parse(line) as number[];
    expect(pids.map(gone)).toEqual([false, false]);
    parent.kill("SIGKILL");
    await until(async () => pids.every(gone) || null);
    expect(pids.map(gone)).toEqual([true, true]);
  });
});
