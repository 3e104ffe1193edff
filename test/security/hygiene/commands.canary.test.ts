/**
 * Every command that holds a value, in success and on each way to fail, as a real process against a running sandbox, with every
 * debug switch that a person in trouble would turn on. The harness knows the values from three sides: what the process drew,
 * what GitHub's imitation opened, and what the test itself put in.
 */
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { deployService, type LocalCloud, startLocalCloud } from "../../../cli/local/local-cloud.ts";
import { type Context, realContext } from "../../../cli/context.ts";
import { Progress } from "../../../cli/output.ts";
import { SANDBOX_ENVIRONMENT } from "../../../contract/sandbox.ts";
import type { FaultRule } from "../../../sandbox/vendors/faults.ts";
import type { Canary } from "./forms.ts";
import { canWatch, NO_STRACE } from "./trace.ts";
import { type Channel, type Subject, watch, type Watched } from "./watch.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CLI = `${ROOT}cli/main.ts`;
/** Unit: milliseconds. */
const PATIENCE_MS = 180_000;
/**
 * `http` prints headers, `undici` URLs, `execa` command lines and output. Not `child_process`: Node then prints the options of every
 * program that it starts, wrangler's environment and input among them (docs/security/README.md, "What is not done").
 */
const LOUD = {
  DEBUG: "*",
  NODE_DEBUG: "http,https,undici,fetch,execa",
  WRANGLER_LOG: "debug",
  WRANGLER_LOG_SANITIZE: "false",
};

let cloud: LocalCloud;
/** Everything secret that ever existed in this sandbox. */
const known = new Map<string, Canary>();
const remember = (name: string, value: string | undefined): void => {
  if (value !== undefined && !value.startsWith("revoked:")) known.set(value, { name, bytes: Buffer.from(value) });
};
const lookIntoGithub = (): readonly string[] =>
  ["GATEWAY_SECRET_A", "GATEWAY_SECRET_B"].flatMap((name) => {
    const value = cloud.sandbox.github.reveal(name, SANDBOX_ENVIRONMENT);
    remember("gateway secret", value);
    return value === undefined || value.startsWith("revoked:") ? [] : [value];
  });

/** A process is given its tokens by environment; nothing else is. */
const TOKENS_ALLOWED: Readonly<Record<string, readonly Channel[]>> = { token: ["environ", "execve"] };

async function mcpist(
  args: readonly string[],
  more: Partial<Subject> & { readonly faults?: readonly FaultRule[] } = {},
): Promise<Watched> {
  const { faults = [], env, allowed, ...subject } = more;
  for (const fault of faults) cloud.sandbox.faults.add(fault);
  const watched = await watch({
    args: [CLI, ...args],
    env: { ...cloud.sandbox.env, ...LOUD, ...env },
    canaries: () => {
      lookIntoGithub();
      return [...known.values()];
    },
    allowed: { ...TOKENS_ALLOWED, ...allowed },
    ...subject,
  });
  for (const value of watched.draws) remember("drawn value", value);
  return watched;
}

/** Of all that a loud run prints, what the command itself said. */
const sentences = (stderr: string): string =>
  stderr
    .split("\n")
    .filter((line) => /^(error:|hint:|failed)/.test(line))
    .join("\n");

const rotate = (more?: Parameters<typeof mcpist>[1]) => mcpist(["secrets", "rotate", "--json", "--debug"], more);

/** Waits until the program has said `text`, then interrupts it. */
const interruptAt =
  (text: string) =>
  async (child: ChildProcess, output: () => string): Promise<void> => {
    while (child.exitCode === null && !output().includes(text)) await sleep(20);
    // strace passes the signal on to nobody: it goes to the group.
    if (child.pid !== undefined) process.kill(-child.pid, "SIGINT");
  };

beforeAll(async () => {
  if (!canWatch) return;
  const real = realContext();
  const silent = { write: () => true };
  const context: Context = {
    ...real,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
    stdout: silent,
    stderr: silent,
    randomBytes: (count) => {
      const bytes = real.randomBytes(count);
      if (count === 32) remember("drawn value", bytes.toString("hex"));
      return bytes;
    },
  };
  const flags = { config: "mcpist.config.ts", json: true, yes: true, debug: false };
  cloud = await startLocalCloud(context, flags, {});
  await deployService(cloud, new Progress(context, flags));
  for (const token of Object.values(cloud.sandbox.context.tokens)) remember("token", token);
}, PATIENCE_MS);
beforeEach((context) => context.skip(!canWatch, NO_STRACE));
afterEach(() => {
  if (canWatch) cloud.sandbox.faults.clear();
});
afterAll(async () => {
  if (canWatch) await cloud.sandbox.close();
});

const failing: readonly {
  readonly name: string;
  readonly faults?: readonly FaultRule[];
  readonly env?: Record<string, string>;
}[] = [
  {
    name: "GitHub refuses the write",
    faults: [
      { vendor: "github", method: "PUT", path: "/secrets/", effect: { kind: "status", when: "before", status: 422 } },
    ],
  },
  {
    name: "GitHub does not know the token",
    faults: [{ vendor: "github", path: "/secrets/", effect: { kind: "status", when: "before", status: 401 } }],
  },
  {
    name: "Koyeb is down",
    faults: [
      {
        vendor: "koyeb",
        method: "PATCH",
        path: "/v1/secrets",
        effect: { kind: "status", when: "before", status: 500 },
      },
    ],
  },
  {
    name: "Koyeb takes the write and loses its answer",
    faults: [{ vendor: "koyeb", method: "PATCH", path: "/v1/secrets", effect: { kind: "reset", when: "lost" } }],
  },
  {
    name: "Fly forbids it",
    faults: [
      { vendor: "fly", method: "POST", path: "/secrets", effect: { kind: "status", when: "before", status: 403 } },
    ],
  },
  {
    name: "Cloudflare refuses the upload, so that wrangler fails",
    faults: [
      {
        vendor: "cloudflare",
        method: "PATCH",
        path: "/versions/latest",
        effect: { kind: "status", when: "before", status: 400 },
      },
    ],
  },
  { name: "a name cannot be resolved", env: { KOYEB_URL: "https://koyeb.invalid" } },
];

// In this order: what fails leaves something for the next one to finish, and the last one leaves the lock taken.
describe("mcpist secrets", { shuffle: false }, () => {
  it(
    "are preceded by a doctor who looks at every token and shows none",
    async () => {
      const { leaks, stdout } = await mcpist(["doctor", "--json", "--debug"]);
      expect(JSON.parse(stdout)).toMatchObject({ command: "doctor" });
      expect(leaks).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    "put takes a value from stdin and shows it nowhere",
    async () => {
      const value = randomBytes(32).toString("hex");
      remember("value on stdin", value);
      const { exitCode, leaks, stderr } = await mcpist(["secrets", "put", "BROKER_SECRET", "--json"], {
        stdin: `${value}\n`,
      });
      expect({ exitCode, leaks }, sentences(stderr)).toEqual({ exitCode: 0, leaks: [] });
    },
    PATIENCE_MS,
  );

  it(
    "put does not repeat a value of the wrong shape",
    async () => {
      const value = `postgres://user:${randomBytes(16).toString("hex")}@example.com/a b`;
      remember("value on stdin", value);
      const { exitCode, leaks } = await mcpist(["secrets", "put", "DATABASE_URL", "--debug"], { stdin: value });
      expect({ exitCode, leaks }).toEqual({ exitCode: 2, leaks: [] });
    },
    PATIENCE_MS,
  );

  it(
    "rotate shows no value when all goes well",
    async () => {
      const { exitCode, draws, leaks, looked } = await rotate();
      expect({ exitCode, leaks }).toEqual({ exitCode: 0, leaks: [] });
      // The value that GitHub holds now is one of those that were searched for.
      expect(lookIntoGithub().some((value) => draws.includes(value))).toBe(true);
      expect(looked.programs).toBeGreaterThan(1);
    },
    PATIENCE_MS,
  );

  it.each(failing)(
    "rotate shows no value when $name",
    async ({ faults, env }) => {
      const { exitCode, leaks, stderr } = await rotate({ ...(faults ? { faults } : {}), ...(env ? { env } : {}) });
      expect(exitCode).toBeGreaterThan(0);
      expect(stderr).not.toBe("");
      expect(leaks).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    "rotate shows no value when it is interrupted in the middle of a write",
    async () => {
      const { exitCode, leaks, draws } = await rotate({
        faults: [{ vendor: "koyeb", method: "PATCH", path: "/v1/secrets", effect: { kind: "delay", ms: 3000 } }],
        during: interruptAt("write GitHub"),
      });
      expect({ exitCode, leaks }).toEqual({ exitCode: 130, leaks: [] });
      expect(draws.length).toBeGreaterThan(0);
    },
    PATIENCE_MS,
  );

  it.each([
    ["an argument", (value: string) => ["secrets", "rotate", value]],
    ["an option", (value: string) => ["secrets", "rotate", `--${value}`]],
    ["the name of a secret", (value: string) => ["secrets", "put", value]],
    ["the name of an environment", (value: string) => ["secrets", "status", "--env", value]],
    ["a command", (value: string) => ["secrets", value]],
  ])(
    "do not repeat a value that was pasted as %s",
    async (_, args) => {
      const value = randomBytes(32).toString("hex");
      remember("pasted value", value);
      const { exitCode, leaks } = await mcpist(args(value), { allowed: { "pasted value": ["argv", "execve"] } });
      expect(exitCode).toBe(2);
      expect(leaks).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    "restore reads both slots from the environment and passes them to nobody else",
    async () => {
      const slots = Object.fromEntries(
        ["GATEWAY_SECRET_A", "GATEWAY_SECRET_B"].map((name) => [
          name,
          cloud.sandbox.github.reveal(name, SANDBOX_ENVIRONMENT) ?? "",
        ]),
      );
      lookIntoGithub();
      const { exitCode, leaks } = await mcpist(["secrets", "restore", "koyeb", "--debug"], {
        env: slots,
        allowed: Object.fromEntries([...known.values()].map(({ name }) => [name, ["environ", "execve"] as const])),
      });
      expect({ exitCode, leaks }).toEqual({ exitCode: 3, leaks: [] });
    },
    PATIENCE_MS,
  );

  it(
    "status shows no value when npm starts it, npm's own logs included",
    async () => {
      const { exitCode, leaks, looked } = await mcpist([], {
        program: "npm",
        args: ["--prefix", ROOT, "run", "mcpist", "--", "secrets", "status", "--json", "--debug"],
      });
      expect({ exitCode, leaks }).toEqual({ exitCode: 0, leaks: [] });
      expect(looked.files).toBeGreaterThan(3);
    },
    PATIENCE_MS,
  );

  it(
    "rotate shows no value when it dies of an exception that nobody caught",
    async () => {
      const { exitCode, stderr, leaks, draws } = await rotate({ env: { CANARY_CRASH: "1" } });
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain("planted");
      expect(draws.length).toBeGreaterThan(0);
      expect(leaks).toEqual([]);
    },
    PATIENCE_MS,
  );
});
