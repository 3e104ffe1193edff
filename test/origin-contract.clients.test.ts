/**
 * `mcpist origin check` against running origins: the project's own, and the small ones of examples/ in Python and Go. Each is started with
 * the slots of every vector, too. What .ci/tools installs must be there.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { run } from "../cli/program.ts";
import { testContext } from "../cli/test/test-context.ts";
import { pgliteDatabase, type TestDatabase } from "../origin/test/database.ts";
import { newSecret, newUser, startOrigin, type TestOrigin } from "../origin/test/origin.ts";

const EXAMPLES = fileURLToPath(new URL("../examples/", import.meta.url));
const VECTORS = JSON.parse(readFileSync(new URL("../docs/origin-contract.vectors.json", import.meta.url), "utf8")) as {
  readonly slots: readonly { readonly environment: Record<string, string>; readonly starts: boolean }[];
};
const required = process.env["CI"] === "true";
type Verdicts = readonly { readonly what: string; readonly outcome: string; readonly seen?: string }[];

async function check(url: string, env: Readonly<Record<string, string>>, ...options: readonly string[]) {
  const context = testContext({ env: { PATH: "", HOME: "/nowhere", ...env }, realTime: true });
  const code = await run(["origin", "check", url, "--json", ...options], context);
  const { verdicts } = JSON.parse(context.out()) as { readonly verdicts: Verdicts };
  return { code, broken: verdicts.filter(({ outcome }) => outcome === "broken"), verdicts };
}

describe("the project's own origin", () => {
  let database: TestDatabase;
  let origin: TestOrigin;
  const slots = { GATEWAY_SECRET_A: newSecret(), GATEWAY_SECRET_B: "revoked:0000000000000000" };
  beforeAll(async () => {
    database = await pgliteDatabase();
    origin = await startOrigin(database, { secrets: slots, config: { presentation: "native" } });
  });
  afterAll(async () => {
    await origin.stop();
    await database.close();
  });

  it("keeps the contract, claims included", async () => {
    const user = await newUser(database, { grants: [["lab", "effect"]] });
    const { code, broken, verdicts } = await check(origin.url, slots, "--user", user, "--tool", "lab__effect");
    expect(broken).toEqual([]);
    expect(code).toBe(0);
    expect(verdicts.filter(({ outcome }) => outcome === "holds").length).toBeGreaterThan(20);
  });
  it("is found to break it by whoever gives the check other slots", async () => {
    const { code, broken } = await check(origin.url, { GATEWAY_SECRET_A: newSecret() });
    expect(code).toBe(3);
    expect(broken.map(({ what }) => what)).toContain("it reports the slots that it was started with");
  });
});

it("a check without slots says how they are made, and the origin started with them is checked (originSlots)", async () => {
  const context = testContext({ env: { PATH: "", HOME: "/nowhere" } });
  expect(await run(["origin", "check", "http://127.0.0.1:1"], context)).toBe(2);
  const made = /export (GATEWAY_SECRET_A)="\$\((openssl rand -hex 32)\)"/.exec(context.err());
  const [command = "", ...words] = made?.[2]?.split(" ") ?? [];
  const { error, stdout } = spawnSync(command, words, { encoding: "utf8" });
  // Where there is no openssl, any 32 random bytes do.
  const slots = { [made?.[1] ?? ""]: error ? newSecret() : stdout.trim() };
  const database = await pgliteDatabase();
  const origin = await startOrigin(database, { secrets: slots });
  const { broken } = await check(origin.url, slots, "--user", await newUser(database));
  expect(broken).toEqual([]);
  await origin.stop();
  await database.close();
});

const built = mkdtempSync(join(tmpdir(), "mcpist-origin-go-"));
afterAll(() => rmSync(built, { recursive: true, force: true }));

describe.each([
  { name: "Python", build: null, command: ["python3", join(EXAMPLES, "origin-python/origin.py")] },
  { name: "Go", build: ["go", "build", "-o", join(built, "origin"), "."], command: [join(built, "origin")] },
])("the small origin in $name", ({ build, command: [program = "", ...args] }) => {
  const children: ChildProcess[] = [];
  let missing = "";
  beforeAll(() => {
    const [tool = program, ...words] = build ?? [program, "--version"];
    const { error, status, stderr } = spawnSync(tool, words, { cwd: join(EXAMPLES, "origin-go"), encoding: "utf8" });
    missing = error || status !== 0 ? `${tool} is not here: ${error?.message ?? stderr}` : "";
  }, 120_000);
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  /** Starts it. @returns its URL, or null when it ended with an error instead. */
  async function start(env: Readonly<Record<string, string>>): Promise<string | null> {
    const child = spawn(program, args, {
      env: { PATH: process.env["PATH"], HOST: "127.0.0.1", PORT: "0", ...env },
      stdio: ["ignore", "pipe", "ignore"],
    });
    children.push(child);
    const ended = once(child, "exit").then(() => null);
    const lines = createInterface({ input: child.stdout });
    const said = once(lines, "line").then(([line]) => (JSON.parse(String(line)) as { readonly port: number }).port);
    const port = await Promise.race([said, ended]);
    return port === null ? null : `http://127.0.0.1:${port}`;
  }

  it("keeps the contract, claims included, and ends after SIGTERM", async ({ skip }) => {
    if (missing !== "" && !required) skip(missing);
    expect(missing).toBe("");
    const slots = { GATEWAY_SECRET_A: newSecret(), GATEWAY_SECRET_B: newSecret() };
    const url = await start(slots);
    const { code, broken } = await check(url ?? "", slots, "--tool", "hello");
    expect(broken).toEqual([]);
    expect(code).toBe(0);
    const [child] = children;
    child?.kill("SIGTERM");
    expect(child && (await once(child, "exit"))[0]).toBe(0);
  });

  it("starts with the slots of the vectors, or does not", async ({ skip }) => {
    if (missing !== "" && !required) skip(missing);
    expect(missing).toBe("");
    for (const { environment, starts } of VECTORS.slots)
      expect([environment, (await start(environment)) !== null]).toEqual([environment, starts]);
  });
});
