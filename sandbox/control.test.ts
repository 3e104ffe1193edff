import { decodeJwt } from "jose";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SANDBOX_ACCOUNTS } from "../contract/sandbox.ts";
import { startControl, type ControlParts } from "./control.ts";
import { type Fly, startFly } from "./vendors/fly/fly.ts";
import { createContext } from "./vendors/context.ts";
import { startGithub, type Github } from "./vendors/github/github.ts";
import { startIdp, type Idp } from "./vendors/idp/idp.ts";
import { Recorder } from "./watch/recorder.ts";
import type { Timeline } from "./watch/timeline.ts";
import { Scenarios, SCENARIOS, type ScenarioParts } from "./scenarios.ts";
import type { Listener, VendorContext } from "./vendors/vendor.ts";

let context: VendorContext;
let idp: Idp;
let github: Github;
let fly: Fly;
let control: Listener;
const stop = vi.fn(() => Promise.resolve(new Recorder(new Date(0)).data(0, 1, 1)));
const watch = vi.fn((): Timeline => ({
  step: () => undefined,
  recording: () => new Recorder(new Date(0)).data(0, 1, 1),
  stop,
}));
const koyeb = { behave: vi.fn(), instances: () => [], scale: vi.fn(() => Promise.resolve()) };

beforeEach(async () => {
  vi.clearAllMocks();
  context = createContext({ log: () => undefined });
  idp = await startIdp(context);
  idp.setResource("http://127.0.0.1:1/mcp");
  github = await startGithub(context, { owner: "o", repo: "r" });
  const parts = {
    context,
    faults: context.faults,
    github,
    koyeb,
    accounts: SANDBOX_ACCOUNTS,
  } as unknown as ScenarioParts;
  fly = await startFly(context);
  const urls = { github: github.url, cloudflare: "http://127.0.0.1:9", koyeb: "http://127.0.0.1:9", fly: fly.url };
  control = await startControl(context, {
    faults: context.faults,
    idp,
    scenarios: new Scenarios(parts),
    watch,
    vendors: {
      github,
      fly,
      koyeb,
      cloudflare: {},
      urls,
      accounts: SANDBOX_ACCOUNTS,
    } as unknown as ControlParts["vendors"],
  });
});
afterEach(() => Promise.all([control.close(), idp.close(), github.close(), fly.close()]));

async function ask(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { "content-type": "application/json" },
) {
  const response = await fetch(control.url + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, json: text === "" ? null : JSON.parse(text) };
}

test("a fault rule is added, counted and removed", async () => {
  const added = await ask("POST", "/faults", {
    vendor: "github",
    effect: { kind: "status", status: 429, retryAfterSeconds: 3 },
  });
  expect(added.status).toBe(201);
  expect((await fetch(`${github.url}/user`)).status).toBe(429);
  expect((await ask("GET", "/faults")).json.faults).toMatchObject([{ id: added.json.id, seen: 1, hits: 1 }]);
  expect((await ask("DELETE", `/faults/${added.json.id}`)).status).toBe(204);
  expect((await ask("GET", "/faults")).json.faults).toEqual([]);
});

test.each([
  ["an unknown vendor", { vendor: "aws", effect: { kind: "delay", ms: 1 } }],
  ["a status that is no failure", { vendor: "fly", effect: { kind: "status", status: 200 } }],
  ["a path that is no regular expression", { vendor: "fly", path: "(", effect: { kind: "delay", ms: 1 } }],
])("%s is refused with 400", async (_name, rule) => {
  expect((await ask("POST", "/faults", rule)).status).toBe(400);
  expect(context.faults.list()).toEqual([]);
});

test("timings change in part and while the sandbox runs", async () => {
  const before = context.timings;
  expect((await ask("PATCH", "/timings", { edgeLagMs: 5 })).json).toEqual({ ...before, edgeLagMs: 5 });
  expect(context.timings.edgeLagMs).toBe(5);
  expect((await ask("PATCH", "/timings", { edgeLagMs: -1 })).status).toBe(400);
});

test("a scenario starts, shows as active and takes its changes back; an unknown one lists the known", async () => {
  const before = context.timings;
  expect((await ask("POST", "/scenarios/lagging-edge", {})).json.active).toEqual(["lagging-edge"]);
  expect(context.timings.edgeLagMs).toBe(8000);
  await ask("POST", "/scenarios/stuck-deployment", {});
  expect(koyeb.behave).toHaveBeenLastCalledWith("mcpist", "stuck");
  await ask("DELETE", "/scenarios/lagging-edge");
  expect(context.timings).toEqual(before);
  expect((await ask("DELETE", "/scenarios/stuck-deployment")).json.active).toEqual([]);
  expect(koyeb.behave).toHaveBeenLastCalledWith("mcpist", "normal");
  const unknown = await ask("POST", "/scenarios/nope", {});
  expect([unknown.status, unknown.json.message.includes("koyeb-down")]).toEqual([404, true]);
  expect((await ask("GET", "/scenarios")).json.scenarios).toHaveLength(SCENARIOS.length);
});

test("a token for a seeded user is for the MCP resource", async () => {
  const { json } = await ask("POST", "/token", { user: 5, lifetimeSeconds: 30 });
  const { sub, aud, exp = 0, iat = 0 } = decodeJwt(json.access_token);
  expect([sub, aud, exp - iat]).toEqual(["00000000-0000-4000-8000-000000000005", "http://127.0.0.1:1/mcp", 30]);
});

test("calls that no emulator knows can be listed", async () => {
  await fetch(`${github.url}/nowhere`, { headers: { authorization: `Bearer ${context.tokens.github}` } });
  expect((await ask("GET", "/calls?unknown")).json.calls).toMatchObject([
    { vendor: "github", path: "/nowhere", known: false },
  ]);
  expect((await ask("GET", "/unknown")).json).toEqual({ unknown: [{ name: "github GET /nowhere", count: 1 }] });
});

test("a workflow run ends when it is told to", async () => {
  const path = "/repos/o/r/actions/runs/42";
  const headers = { authorization: `Bearer ${context.tokens.github}`, "user-agent": "test" };
  const seen = async () => (await fetch(github.url + path, { headers })).json();
  expect(await seen()).toMatchObject({ message: "Not Found" });
  await ask("PUT", "/github/runs/42", { status: "in_progress" });
  expect(await seen()).toMatchObject({ id: 42, status: "in_progress", conclusion: null });
  await ask("PUT", "/github/runs/42", { conclusion: "cancelled" });
  expect(await seen()).toMatchObject({ status: "completed", conclusion: "cancelled" });
});

test("an edit by hand reaches a vendor past every fault, and no log of calls knows of it", async () => {
  await ask("POST", "/faults", { vendor: "github", effect: { kind: "status", status: 503 } });
  const edit = { vendor: "github", method: "PUT", path: "/repos/o/r/environments/e", body: {} };
  expect((await ask("POST", "/edits", edit)).json).toMatchObject({ status: 200, answer: { name: "e" } });
  expect(
    (await ask("GET", "/calls")).json.calls.filter(({ vendor }: { vendor: string }) => vendor === "github"),
  ).toEqual([]);
  expect((await ask("POST", "/edits", { ...edit, vendor: "aws" })).status).toBe(400);
});

test("fifty Machines run light, each says where it listens, and one may boot slowly or lose its host", async () => {
  const hand = async (method: string, path: string, body: unknown) =>
    (await ask("POST", "/edits", { vendor: "fly", method, path, body })).json.answer;
  await ask("PATCH", "/settings", { light: true });
  await ask("PATCH", "/timings", { flyBootMs: 0 });
  await hand("POST", "/v1/apps", { app_name: "many", org_slug: "personal" });
  const secret = "0123456789abcdeffedcba98765432100f1e2d3c4b5a69788796a5b4c3d2e1f0";
  await hand("POST", "/v1/apps/many/secrets", { values: { GATEWAY_SECRET_A: secret } });
  const made = await Promise.all(
    Array.from({ length: 50 }, () => hand("POST", "/v1/apps/many/machines", { config: { image: "x" } })),
  );
  await Promise.all(
    made.map(({ id }) => hand("GET", `/v1/apps/many/machines/${id}/wait?state=started&timeout=30`, undefined)),
  );
  const { instances } = (await ask("GET", "/instances")).json;
  expect(instances).toHaveLength(50);
  expect(instances[0]).toMatchObject({ platform: "fly", url: expect.stringContaining("http://127.0.0.1:") });
  const [{ id }] = made;
  const slow = { hostStatus: "unreachable", bootMs: 150_000 };
  expect((await ask("PATCH", `/fly/machines/${id}`, slow)).json).toEqual({ id, ...slow });
  const shown = await hand("GET", `/v1/apps/many/machines/${id}`, undefined);
  expect(shown).toMatchObject({ host_status: "unreachable", incomplete_config: { image: "x" } });
  expect(shown).not.toHaveProperty("config");
  expect(await hand("POST", `/v1/apps/many/machines/${id}/stop`, {})).toMatchObject({ error: expect.any(String) });
  expect((await ask("PATCH", "/fly/machines/none", {})).status).toBe(404);
});

test("limits, rollouts and instances are set as a person asks for them", async () => {
  const limits = { secondary: { pointsPerMinute: 900, writesPerMinute: 80, retryAfter: false } };
  expect((await ask("PATCH", "/github/limits", { secondary: { retryAfter: false } })).json).toEqual(limits);
  expect(github.rates.secondary).toEqual(limits.secondary);
  await ask("POST", "/koyeb/rollouts", { behaviour: "fail" });
  expect(koyeb.behave).toHaveBeenLastCalledWith("mcpist", "fail");
  await ask("POST", "/koyeb/scale", { count: 2 });
  expect(koyeb.scale).toHaveBeenLastCalledWith("mcpist", "origin", 2);
});

test("a web page cannot reach it: no foreign Host, no form post", async () => {
  const { port } = new URL(control.url);
  const { request } = await import("node:http");
  const status = await new Promise<number>((resolve) => {
    request({ port, path: "/faults", headers: { host: "evil.test" } }, (response) =>
      resolve(response.statusCode ?? 0),
    ).end();
  });
  expect(status).toBe(403);
  expect((await ask("POST", "/faults", {}, { "content-type": "text/plain" })).status).toBe(415);
});

test("the live page lists every scenario, and only looking at it starts the recording", async () => {
  expect(watch).not.toHaveBeenCalled();
  const page = await (await fetch(`${control.url}/ui`)).text();
  for (const { name } of SCENARIOS) expect(page).toContain(`data-scenario="${name}"`);
  expect((await fetch(`${control.url}/ui/chart`)).status).toBe(200);
  expect(watch).toHaveBeenCalledOnce();
});
