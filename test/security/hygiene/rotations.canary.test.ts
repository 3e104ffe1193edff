/** A rotation shows no value: when all goes well, on each way to fail, when it is interrupted and when it dies. */
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { FaultRule } from "../../../sandbox/vendors/faults.ts";
import { canWatch, NO_STRACE } from "./trace.ts";
import { startWatchedCloud, type WatchedCloud } from "./watched-cloud.ts";

/** Unit: milliseconds. */
const PATIENCE_MS = 180_000;

let watched: WatchedCloud;
beforeAll(async () => {
  if (canWatch) watched = await startWatchedCloud();
}, PATIENCE_MS);
beforeEach((context) => context.skip(!canWatch, NO_STRACE));
afterEach(() => {
  if (canWatch) watched.cloud.sandbox.faults.clear();
});
afterAll(async () => {
  if (canWatch) await watched.close();
});

/** Waits until the program has said `text`, then interrupts it. */
const interruptAt =
  (text: string) =>
  async (child: ChildProcess, output: () => string): Promise<void> => {
    while (child.exitCode === null && !output().includes(text)) await sleep(20);
    // strace passes the signal on to nobody: it goes to the group.
    if (child.pid !== undefined) process.kill(-child.pid, "SIGINT");
  };

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
    "rotate shows no value when all goes well",
    async () => {
      const { exitCode, draws, leaks, looked } = await watched.rotate();
      expect({ exitCode, leaks }).toEqual({ exitCode: 0, leaks: [] });
      // The value that GitHub holds now is one of those that were searched for.
      expect(watched.lookIntoGithub().some((value) => draws.includes(value))).toBe(true);
      expect(looked.programs).toBeGreaterThan(1);
    },
    PATIENCE_MS,
  );

  it.each(failing)(
    "rotate shows no value when $name",
    async ({ faults, env }) => {
      const { exitCode, leaks, stderr } = await watched.rotate({
        ...(faults ? { faults } : {}),
        ...(env ? { env } : {}),
      });
      expect(exitCode).toBeGreaterThan(0);
      expect(stderr).not.toBe("");
      expect(leaks).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    "rotate shows no value when it is interrupted in the middle of a write",
    async () => {
      const { exitCode, leaks, draws } = await watched.rotate({
        faults: [{ vendor: "koyeb", method: "PATCH", path: "/v1/secrets", effect: { kind: "delay", ms: 3000 } }],
        during: interruptAt("write GitHub"),
      });
      expect({ exitCode, leaks }).toEqual({ exitCode: 130, leaks: [] });
      expect(draws.length).toBeGreaterThan(0);
    },
    PATIENCE_MS,
  );

  it(
    "rotate shows no value when it dies of an exception that nobody caught",
    async () => {
      const { exitCode, stderr, leaks, draws } = await watched.rotate({ env: { CANARY_CRASH: "1" } });
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain("planted");
      expect(draws.length).toBeGreaterThan(0);
      expect(leaks).toEqual([]);
    },
    PATIENCE_MS,
  );
});
