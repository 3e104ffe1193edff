import { decodeJwt } from "jose";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startControl } from "./control.ts";
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
let control: Listener;
const stop = vi.fn(() => Promise.resolve(new Recorder(new Date(0)).data(0, 1, 1)));
const watch = vi.fn((): Timeline => ({
  step: () => undefined,
  recording: () => new Recorder(new Date(0)).data(0, 1, 1),
  stop,
}));
const koyeb = { behave: vi.fn() };

beforeEach(async () => {
  vi.clearAllMocks();
  context = createContext({ log: () => undefined });
  idp = await startIdp(context);
  idp.setResource("http://127.0.0.1:1/mcp");
  github = await startGithub(context, { owner: "o", repo: "r" });
  const parts = { context, faults: context.faults, github, koyeb } as unknown as ScenarioParts;
  control = await startControl(context, { faults: context.faults, idp, scenarios: new Scenarios(parts), watch });
});
afterEach(() => Promise.all([control.close(), idp.close(), github.close()]));

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
