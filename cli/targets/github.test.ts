import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../contract/config.ts";
import { createContext } from "../../sandbox/vendors/context.ts";
import { startGithub, type Github } from "../../sandbox/vendors/github/github.ts";
import type { VendorContext } from "../../sandbox/vendors/vendor.ts";
import { McpistError } from "../errors.ts";
import { Journal } from "../secrets/journal.ts";
import { ENVIRONMENT_INPUT, testEnvironment } from "../test/environment.ts";
import { countingGuard, secretOf, ZERO } from "../test/origin-targets.ts";
import { testContext, type TestContext } from "../test/test-context.ts";
import { githubApi, githubStore, githubVault, putGithubSecret } from "./github.ts";

const ONE = secretOf("one");
const TWO = secretOf("two");
type Scope = "environment" | "repository";

let vendor: VendorContext;
let github: Github;
let context: TestContext;

beforeEach(async () => {
  vendor = createContext({ log: () => undefined, timings: { githubLagMs: 0 } });
  github = await startGithub(vendor, { owner: "acme", repo: "mcp" });
  context = testContext({ fetch, realTime: true });
  await fetch(`${github.url}/repos/acme/mcp/environments/production`, {
    method: "PUT",
    headers: { authorization: `Bearer ${vendor.tokens.github}`, "user-agent": "test" },
    body: "{}",
  });
});
afterEach(() => github.close());

const api = (token = vendor.tokens.github) => githubApi(context, { baseUrl: github.url, token });
const config = (scope: Scope = "environment", change: Partial<EnvironmentInput["github"]> = {}) =>
  testEnvironment({ github: { ...ENVIRONMENT_INPUT.github, scope, ...change } }).github;
const vault = (scope?: Scope) => githubVault(context, api(), config(scope));
const failure = async (work: Promise<unknown>): Promise<McpistError> => {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof McpistError) return error;
  throw new TypeError("it did not fail with an error of ours");
};

describe("GitHub's copy of the slots", () => {
  it.each<[Scope, string, string | undefined]>([
    ["environment", "GATEWAY_SECRET_A", "production"],
    ["repository", "PRODUCTION_GATEWAY_SECRET_A", undefined],
  ])("is sealed and kept in the %s as %s", async (scope, name, environment) => {
    expect(await vault(scope).names()).toEqual({ a: null, b: null });
    const { guard, calls } = countingGuard();
    await vault(scope).write({ a: ONE, b: ZERO }, guard);
    expect(calls()).toBe(2);
    expect(github.reveal(name, environment)).toBe(ONE);
    const { a, b } = await vault(scope).names();
    expect(Number.isNaN(Date.parse(a ?? ""))).toBe(false);
    expect(b).not.toBeNull();
  });

  it.each<[Scope, string, string | undefined]>([
    ["environment", "STRIPE_KEY", "production"],
    ["repository", "PRODUCTION_STRIPE_KEY", undefined],
  ])("has a secret of one's own beside it in the %s as %s, with a date", async (scope, name, environment) => {
    expect(await vault(scope).secrets(["STRIPE_KEY"])).toEqual({ ok: true, instances: [], stamps: {} });
    const { guard, calls } = countingGuard();
    const at = await vault(scope).put("STRIPE_KEY", "ein Schlüssel", guard);
    expect(calls()).toBe(1);
    expect(github.reveal(name, environment)).toBe("ein Schlüssel");
    expect(await vault(scope).secrets(["STRIPE_KEY", "OTHER"])).toEqual({
      ok: true,
      instances: [],
      stamps: { STRIPE_KEY: at },
    });
  });

  it("is written once more when GitHub changed its key between the look and the write", async () => {
    let rotated = false;
    const stop = vendor.faults.onCall((call) => {
      if (rotated || call.method !== "PUT" || !call.path.includes("/secrets/")) return;
      rotated = true;
      github.rotateKeys();
    });
    await putGithubSecret(api(), context, config(), "NAME", ONE);
    stop();
    expect(rotated).toBe(true);
    expect(github.reveal("NAME", "production")).toBe(ONE);
    expect(vendor.faults.calls.filter(({ method }) => method === "PUT")).toHaveLength(3);
  });

  it("is not written when the lease is over", async () => {
    await expect(vault().write({ a: ONE, b: TWO }, countingGuard(2).guard)).rejects.toThrow("the lease is over");
    expect(github.reveal("GATEWAY_SECRET_A", "production")).toBe(ONE);
    expect(github.reveal("GATEWAY_SECRET_B", "production")).toBeUndefined();
  });

  it("goes through rate limits and short outages", async () => {
    vendor.faults.add({
      vendor: "github",
      method: "PUT",
      times: 1,
      effect: { kind: "status", when: "before", status: 429, retryAfterSeconds: 0 },
    });
    vendor.faults.add({
      vendor: "github",
      method: "GET",
      times: 1,
      effect: { kind: "status", when: "before", status: 502 },
    });
    await vault().write({ a: ONE }, countingGuard().guard);
    expect(github.reveal("GATEWAY_SECRET_A", "production")).toBe(ONE);
  });

  it("never travels in the clear", async () => {
    const bodies: string[] = [];
    const spying = {
      ...context,
      fetch: ((input, init) => (
        bodies.push(typeof init?.body === "string" ? init.body : ""),
        fetch(input, init)
      )) as typeof fetch,
    };
    await putGithubSecret(
      githubApi(spying, { baseUrl: github.url, token: vendor.tokens.github }),
      spying,
      config(),
      "NAME",
      ONE,
    );
    expect(bodies.some((body) => body.includes("encrypted_value"))).toBe(true);
    for (const body of bodies) expect(body).not.toContain(ONE);
  });
});

describe("the variable that names the live slot", () => {
  it.each<Scope>(["environment", "repository"])(
    "is made the first time and replaced afterwards, in the %s",
    async (scope) => {
      expect(await vault(scope).live()).toBeNull();
      await vault(scope).writeLive("a", "00000000000000aa", countingGuard().guard);
      await vault(scope).writeLive("b", "00000000000000bb", countingGuard().guard);
      expect(await vault(scope).live()).toBe("b:00000000000000bb");
    },
  );
});

describe("the rotation ref", () => {
  const store = (environment = "production") => githubStore(api(), environment, config());

  it("is created once, moved forward only, and read back", async () => {
    const git = store();
    expect(await git.readRef()).toBeNull();
    const first = await git.createCommit("mcpist: one\n\n{}", []);
    expect(await git.createRef(first.sha)).toBe(true);
    expect(await git.createRef(first.sha)).toBe(false);
    const second = await git.createCommit("mcpist: two\n\n{}", [first.sha]);
    const rival = await git.createCommit("mcpist: rival\n\n{}", [first.sha]);
    expect(await git.updateRef(second.sha)).toBe(true);
    expect(await git.updateRef(rival.sha)).toBe(false);
    expect(await git.updateRef(first.sha)).toBe(false);
    expect(await git.readRef()).toEqual({ sha: second.sha });
    expect(await git.readCommit(second.sha)).toMatchObject({
      message: "mcpist: two\n\n{}",
      parents: [first.sha],
      date: second.date,
    });
  });

  it("is one for every environment", async () => {
    const first = await store("staging").createCommit("x {}", []);
    await store("staging").createRef(first.sha);
    expect(await store("production").readRef()).toBeNull();
  });

  it("tells the platform's time, by which ages are reckoned", async () => {
    const git = store();
    expect(git.serverTime()).toBe(0);
    await git.readRef();
    expect(Math.abs(git.serverTime() - Date.now())).toBeLessThan(60_000);
  });

  it("serves as lock and journal for two runs at once: one of them has it", async () => {
    const journals = ["one", "two"].map(
      (run) => new Journal(store(), context, { run, actor: run, workflow: "local", tool: "1" }),
    );
    const ends = await Promise.allSettled(journals.map((journal) => journal.acquire()));
    expect(ends.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    const holder = journals.find((journal) => journal.held);
    await holder?.record("observed", { phase: "STEADY" });
    await holder?.release({ result: "done" });
    expect((await journals[0]?.history(9))?.map(({ entry }) => entry.event)).toEqual([
      "released",
      "observed",
      "acquired",
    ]);
  });

  it("is known to be mine when the reply to its update was lost", async () => {
    vendor.faults.add({
      vendor: "github",
      method: "POST",
      path: "/git/refs$",
      times: 1,
      effect: { kind: "reset", when: "lost" },
    });
    const journal = new Journal(store(), context, { run: "one", actor: "a", workflow: "local", tool: "1" });
    await journal.acquire();
    expect(journal.held).toBe(true);
  });
});

describe("a workflow run", () => {
  it.each([
    ["completed", "over"],
    ["in_progress", "alive"],
    ["queued", "alive"],
  ])("that is %s is %s", async (status, expected) => {
    github.setRun(77, status, status === "completed" ? "failure" : null);
    expect(await githubStore(api(), "production", config()).workflowRun("77")).toBe(expected);
  });
  it("that nobody knows, or a laptop, is unknown", async () => {
    const git = githubStore(api(), "production", config());
    expect(await git.workflowRun("78")).toBe("unknown");
    expect(await git.workflowRun("../../x")).toBe("unknown");
    expect(await git.workflowRun("local")).toBe("unknown");
  });
});

describe("a wrong name or token", () => {
  it("is told before anything else is tried", async () => {
    const check = (place: ReturnType<typeof config>, token?: string) => githubVault(context, api(token), place).check();
    await expect(check(config())).resolves.toBeUndefined();
    expect(await failure(check(config("environment", { environment: "elsewhere" })))).toMatchObject({
      code: "ERR_NOT_FOUND",
      message: 'GitHub does not know environment "elsewhere" of acme/mcp, or hides it',
    });
    expect(await failure(check(config(), "wrong"))).toMatchObject({ code: "ERR_UNAUTHORISED", exitCode: 4 });
  });
});
