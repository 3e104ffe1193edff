/** Every other command that holds a value, or is given one by mistake, as a real process against a running sandbox. */
import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SANDBOX_ENVIRONMENT } from "../../../contract/sandbox.ts";
import { canWatch, NO_STRACE } from "./trace.ts";
import { ROOT, sentences, startWatchedCloud, type WatchedCloud } from "./watched-cloud.ts";

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

describe("mcpist secrets", () => {
  it(
    "are preceded by a doctor who looks at every token and shows none",
    async () => {
      const { leaks, stdout } = await watched.mcpist(["doctor", "--json", "--debug"]);
      expect(JSON.parse(stdout)).toMatchObject({ command: "doctor" });
      expect(leaks).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    "put takes a value from stdin and shows it nowhere",
    async () => {
      const value = randomBytes(32).toString("hex");
      watched.remember("value on stdin", value);
      const { exitCode, leaks, stderr } = await watched.mcpist(["secrets", "put", "BROKER_SECRET", "--json"], {
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
      watched.remember("value on stdin", value);
      const { exitCode, leaks } = await watched.mcpist(["secrets", "put", "DATABASE_URL", "--debug"], { stdin: value });
      expect({ exitCode, leaks }).toEqual({ exitCode: 2, leaks: [] });
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
      watched.remember("pasted value", value);
      const { exitCode, leaks } = await watched.mcpist(args(value), {
        allowed: { "pasted value": ["argv", "execve"] },
      });
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
          watched.cloud.sandbox.github.reveal(name, SANDBOX_ENVIRONMENT) ?? "",
        ]),
      );
      watched.lookIntoGithub();
      const { exitCode, leaks } = await watched.mcpist(["secrets", "restore", "koyeb", "--debug"], {
        env: slots,
        allowed: Object.fromEntries(
          [...watched.known.values()].map(({ name }) => [name, ["environ", "execve"] as const]),
        ),
      });
      expect({ exitCode, leaks }).toEqual({ exitCode: 0, leaks: [] });
    },
    PATIENCE_MS,
  );

  it(
    "status shows no value when npm starts it, npm's own logs included",
    async () => {
      const { exitCode, leaks, looked } = await watched.mcpist([], {
        program: "npm",
        args: ["--prefix", ROOT, "run", "mcpist", "--", "secrets", "status", "--json", "--debug"],
      });
      expect({ exitCode, leaks }).toEqual({ exitCode: 0, leaks: [] });
      expect(looked.files).toBeGreaterThan(3);
    },
    PATIENCE_MS,
  );
});
