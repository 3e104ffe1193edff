/**
 * What becomes of a run under the lock when its process is signalled or nobody reads its output: real processes against GitHub's
 * emulator and three other platforms that keep silent until they are told to refuse.
 */
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SANDBOX_ENVIRONMENT, SANDBOX_NAMES, SANDBOX_VARIABLE, type SandboxUrls } from "../contract/sandbox.ts";
import { createContext } from "../sandbox/vendors/context.ts";
import { startGithub, type Github } from "../sandbox/vendors/github/github.ts";
import type { VendorContext } from "../sandbox/vendors/vendor.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { owner, repo } = SANDBOX_NAMES;

/** Holds every call back until it is opened, then refuses the token. */
class Silent {
  readonly server: Server;
  #waiting: ServerResponse[] = [];
  #opened = false;
  #asked = Promise.withResolvers<void>();
  constructor() {
    this.server = createServer((_, response) => {
      this.#waiting.push(response);
      this.#asked.resolve();
      if (this.#opened) this.open();
    });
  }
  /** Resolves when the first call has come. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }
  open(): void {
    this.#opened = true;
    for (const response of this.#waiting.splice(0)) response.writeHead(401).end("{}");
  }
}

let vendor: VendorContext;
let github: Github;
let others: Silent;
let children: ChildProcess[] = [];

beforeAll(async () => {
  vendor = createContext({ log: () => undefined, timings: { githubLagMs: 0 } });
  github = await startGithub(vendor, { owner, repo });
  await fetch(`${github.url}/repos/${owner}/${repo}/environments/${SANDBOX_ENVIRONMENT}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${vendor.tokens.github}`, "user-agent": "test" },
    body: "{}",
  });
});
afterAll(() => github.close());
beforeEach(async () => {
  others = new Silent();
  others.server.listen(0, "127.0.0.1");
  await once(others.server, "listening");
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  others.open();
  others.server.close();
  others.server.closeAllConnections();
});

/** Event of the newest entry of the journal. */
async function newest(): Promise<string> {
  const get = async (path: string): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${github.url}/repos/${owner}/${repo}/git/${path}`, {
      headers: { authorization: `Bearer ${vendor.tokens.github}`, "user-agent": "test" },
    });
    return (await answer.json()) as Record<string, unknown>;
  };
  const ref = (await get(`ref/mcpist/rotation/${SANDBOX_ENVIRONMENT}`)) as { object: { sha: string } };
  const { message } = (await get(`commits/${ref.object.sha}`)) as { message: string };
  return message.split("\n")[0] ?? "";
}

/** `mcpist secrets rotate` as the last line of a workflow's step, once it holds the lock and waits for a platform. */
async function rotating(stdio: StdioOptions = ["ignore", "pipe", "pipe"]) {
  const other = `http://127.0.0.1:${(others.server.address() as AddressInfo).port}`;
  const urls: SandboxUrls = {
    gateway: other,
    github: github.url,
    notion: other,
    broker: other,
    cloudflare: other,
    koyeb: other,
    fly: other,
    issuer: other,
    database: "postgres://postgres@127.0.0.1:1/postgres",
    control: other,
    origins: { koyeb: other, fly: other },
  };
  const child = spawn("bash", ["-ec", `exec node cli/main.ts secrets rotate --env ${SANDBOX_ENVIRONMENT} --json`], {
    cwd: ROOT,
    stdio,
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      [SANDBOX_VARIABLE]: JSON.stringify(urls),
      GITHUB_API_URL: github.url,
      CLOUDFLARE_API_BASE_URL: other,
      KOYEB_URL: other,
      FLY_FLAPS_BASE_URL: other,
      GH_TOKEN: vendor.tokens.github,
      CLOUDFLARE_API_TOKEN: "cloudflare-token",
      KOYEB_TOKEN: "koyeb-token",
      FLY_API_TOKEN: "fly-token",
    },
  });
  children.push(child);
  const said = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
  const exit = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  await Promise.race([
    others.asked,
    exit.then(([code]) => Promise.reject(new Error(`it ended ${code}: ${said.stderr}`))),
  ]);
  return { child, said, exit };
}

describe("a run under the lock", () => {
  it.each([
    ["Ctrl-C", ["SIGINT"]],
    ["SIGTERM", ["SIGTERM"]],
    ["a job that is cancelled, whose second signal must not cut short what the first began", ["SIGINT", "SIGTERM"]],
  ] as const)("gives the lock back and ends with 130: %s", async (_, signals) => {
    const { child, exit, said } = await rotating();
    for (const signal of signals) child.kill(signal);
    expect(await exit).toEqual([130, null]);
    expect(await newest()).toBe("mcpist: released");
    expect(JSON.parse(said.stdout)).toMatchObject({ ok: false, exitCode: 130, error: { code: "ERR_INTERRUPTED" } });
  });

  it.each([
    ["the terminal is closed", (child: ChildProcess) => void child.kill("SIGHUP")],
    [
      "nobody reads its progress any more",
      (child: ChildProcess) => {
        child.stderr?.destroy();
        child.stdout?.destroy();
      },
    ],
  ])("goes on to its own end: %s", async (_, disturb) => {
    const { child, exit } = await rotating();
    disturb(child);
    others.open();
    // Its own end here: the platforms refuse the token.
    expect(await exit).toEqual([4, null]);
    expect(await newest()).toBe("mcpist: released");
  });

  it("keeps its exit code when standard output is full, and says that the answer is lost", async () => {
    const { exit, said } = await rotating(["ignore", openSync("/dev/full", "w"), "pipe"]);
    others.open();
    expect(await exit).toEqual([4, null]);
    expect(await newest()).toBe("mcpist: released");
    expect(said.stderr).toContain("warning: the answer could not be written to standard output (ENOSPC)");
    expect(said.stderr).not.toContain("    at ");
  });
});

describe("a command that only answers", () => {
  it("has failed when its answer cannot be written, and not when nobody wants it", async () => {
    for (const [to, code] of [
      ["> /dev/full", 1],
      ["| true", 0],
    ] as const) {
      const child = spawn("bash", ["-c", `set -o pipefail; node cli/main.ts --help ${to}`], {
        cwd: ROOT,
        stdio: "ignore",
        env: { PATH: process.env["PATH"] },
      });
      children.push(child);
      expect((await once(child, "exit"))[0]).toBe(code);
    }
  });
});
