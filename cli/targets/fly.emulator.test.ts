import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../contract/config.ts";
import { startFly, type Fly } from "../../sandbox/vendors/fly/fly.ts";
import { caller, fastContext, TOKENS, type Call, type Json, until } from "../../sandbox/test/harness.ts";
import type { VendorContext } from "../../sandbox/vendors/vendor.ts";
import { ENVIRONMENT_INPUT, testEnvironment } from "../test/environment.ts";
import { countingGuard, kidOfText, secretOf, summary, ZERO } from "../test/origin-targets.ts";
import { testContext, type TestContext, urlOf } from "../test/test-context.ts";
import { flyApi, putFlySecrets } from "./fly-api.ts";
import { flyOrigin } from "./fly.ts";

const APP = "mcpist-origin";
const ONE = secretOf("one");
const TWO = secretOf("two");

let fly: Fly;
let vendor: VendorContext;
let call: Call;
let context: TestContext;

beforeEach(async () => {
  vendor = fastContext({ light: true });
  fly = await startFly(vendor);
  call = caller(() => `${fly.url}/v1`, TOKENS.fly);
  context = testContext({ fetch, realTime: true });
  await call("POST", "/apps", { app_name: APP, org_slug: "personal" });
  await call("POST", `/apps/${APP}/ip_assignments`, { type: "shared_v4" });
});
afterEach(() => fly.close());

async function target(state: "pool" | "joining" = "pool") {
  const url = await fly.edgeUrl(APP);
  const origins: EnvironmentInput["origins"] = [
    { name: "fly", kind: "fly", url, app: APP, state },
    { ...ENVIRONMENT_INPUT.origins[0]! },
  ];
  const environment = testEnvironment({ origins });
  const [origin] = environment.origins;
  if (origin?.kind !== "fly") throw new TypeError("the first origin is Fly's");
  const api = flyApi(context, { baseUrl: fly.url, token: TOKENS.fly });
  return { api, target: flyOrigin(context, api, origin) };
}
const config = (extra: Json = {}): Json => ({
  image: "sandbox.local/origin:dev",
  metadata: { fly_platform_version: "v2", fly_process_group: "app" },
  services: [
    { internal_port: 8080, protocol: "tcp", autostart: true, ports: [{ port: 443, handlers: ["tls", "http"] }] },
  ],
  checks: { health: { type: "http", port: 8080, path: "/health" } },
  ...extra,
});
const machineOf = async (id: string): Promise<Json> => (await call("GET", `/apps/${APP}/machines/${id}`)).json;
const state = async (id: string): Promise<string> => (await machineOf(id))["state"] as string;
/** One Machine that runs and passes its checks. */
async function launch(extra: Json = {}): Promise<string> {
  const { json } = await call("POST", `/apps/${APP}/machines`, { region: "nrt", config: config(extra) });
  const id = json["id"] as string;
  await until(async () => {
    const machine = await machineOf(id);
    return (
      machine["state"] === "started" && (machine["checks"] as Json[]).every((check) => check["status"] === "passing")
    );
  });
  return id;
}
const free = () => countingGuard().guard;

describe("slots on Fly.io", () => {
  it("are known by their names; writing gives the app's secrets version, and a missing one is an error", async () => {
    const { target: origin, api } = await target();
    expect(await origin.names()).toEqual({ slots: [], legacy: false });
    await origin.write({ a: ONE, b: ZERO }, free());
    expect(await origin.names()).toEqual({ slots: ["a", "b"], legacy: false });
    expect(await putFlySecrets(api, APP, { GATEWAY_SECRET: ONE })).toBe(2);
    expect(await origin.names()).toEqual({ slots: ["a", "b"], legacy: true });
    const hollow = flyApi(testContext({ fetch: () => Promise.resolve(Response.json({ secrets: [] })) }), {
      baseUrl: "http://127.0.0.1:1",
      token: "t",
    });
    await expect(putFlySecrets(hollow, APP, {})).rejects.toMatchObject({ code: "ERR_VENDOR" });
  });

  it("of an app that is not there are none", async () => {
    await call("DELETE", `/apps/${APP}`);
    expect(await (await target()).target.names()).toEqual({ slots: [], legacy: false });
  });
});

describe("a rollout on Fly.io", () => {
  it("updates every Machine, running, stopped and loose ones, and proves the configuration", async () => {
    await putFlySecrets((await target()).api, APP, { GATEWAY_SECRET_A: ONE, GATEWAY_SECRET_B: ZERO });
    const running = await launch();
    const stopped = await launch();
    const loose = await launch({ metadata: {} });
    await call("POST", `/apps/${APP}/machines/${stopped}/stop`);
    await until(async () => (await state(stopped)) === "stopped");
    const { target: origin } = await target();
    const { guard, calls } = countingGuard();
    await origin.write({ b: TWO }, guard);
    await origin.roll("rolling", guard);
    // One for the secrets, then two (lease, update) for each Machine.
    expect(calls()).toBe(7);
    const both = { a: await kidOfText(ONE), b: await kidOfText(TWO) };
    const look = await origin.look();
    expect(look.ok && look.instances.map(({ id }) => id).toSorted()).toEqual([running, stopped, loose].toSorted());
    expect(summary(look)).toEqual({ instances: Array.from({ length: 3 }, () => JSON.stringify(both)), config: both });
    expect(look.ok && look.instances.every(({ newest }) => newest)).toBe(true);
    for (const id of [running, stopped, loose])
      expect((await call("GET", `/apps/${APP}/machines/${id}/lease`)).status).toBe(404);
  });

  it("is marked with the digests of what was written, and proven, however far lists are behind", async () => {
    await putFlySecrets((await target()).api, APP, { GATEWAY_SECRET_A: ONE, GATEWAY_SECRET_B: ZERO });
    await launch();
    vendor.timings = { ...vendor.timings, listLagMs: 2000 };
    await until(async () => (await call("GET", `/apps/${APP}/machines`)).json["length"] === 1);
    const { target: origin } = await target();
    await origin.write({ b: TWO }, free());
    await origin.roll("rolling", free());
    const look = await origin.look();
    expect(summary(look)).toMatchObject({ config: { a: await kidOfText(ONE), b: await kidOfText(TWO) } });
    expect(look.ok && look.instances).toMatchObject([{ newest: true, awake: true }]);
  });

  it("keeps what is in a Machine's configuration and adds a mark", async () => {
    await putFlySecrets((await target()).api, APP, { GATEWAY_SECRET_A: ONE });
    const id = await launch({ metadata: { fly_platform_version: "v2", own: "kept" } });
    const { target: origin } = await target();
    await origin.roll("rolling", free());
    const { config: after } = await machineOf(id);
    expect(after["metadata"]).toMatchObject({
      fly_platform_version: "v2",
      own: "kept",
      mcpist_slots: expect.any(String) as string,
    });
    expect(after["services"]).toEqual(config()["services"]);
  });

  it("throws a suspended memory image away: it never wakes with the old secret alone", async () => {
    await putFlySecrets((await target()).api, APP, { GATEWAY_SECRET_A: ONE, GATEWAY_SECRET_B: ZERO });
    const id = await launch();
    await call("POST", `/apps/${APP}/machines/${id}/suspend`);
    await until(async () => (await state(id)) === "suspended");
    const { target: origin } = await target();
    await origin.write({ b: TWO }, free());
    await origin.roll("rolling", free());
    const both = { a: await kidOfText(ONE), b: await kidOfText(TWO) };
    expect(summary(await origin.look())).toEqual({ instances: [JSON.stringify(both)], config: both });
  });

  it("waits for hosts that do not see new secrets yet", async () => {
    await putFlySecrets((await target()).api, APP, { GATEWAY_SECRET_A: ONE, GATEWAY_SECRET_B: ZERO });
    await launch();
    fly.staleHosts(APP, true);
    const { target: origin } = await target();
    await origin.write({ b: TWO }, free());
    await origin.roll("rolling", free());
    expect(summary(await origin.look())).toMatchObject({ config: { b: await kidOfText(TWO) } });
  });

  it("goes on through Fly's documented rate limits", async () => {
    await putFlySecrets((await target()).api, APP, { GATEWAY_SECRET_A: ONE, GATEWAY_SECRET_B: ZERO });
    await launch();
    fly.limitRate(true);
    const { target: origin } = await target();
    for (let i = 0; i < 4; i++) expect(await origin.names()).toMatchObject({ slots: ["a", "b"] });
  });

  it("writes nothing once the lease of the run is over, and gives back the Machine's", async () => {
    await putFlySecrets((await target()).api, APP, { GATEWAY_SECRET_A: ONE });
    const id = await launch();
    const before = (await machineOf(id))["instance_id"] as string;
    const { target: origin } = await target();
    await expect(origin.write({ b: TWO }, countingGuard(1).guard)).rejects.toThrow("the lease is over");
    await expect(origin.roll("rolling", countingGuard(2).guard)).rejects.toThrow("the lease is over");
    expect((await machineOf(id))["instance_id"]).toBe(before);
    expect((await call("GET", `/apps/${APP}/machines/${id}/lease`)).status).toBe(404);
    expect(await origin.names()).toEqual({ slots: ["a"], legacy: false });
  });
});

describe("a look at Fly.io", () => {
  it("does not take secrets that no Machine booted from for the configuration", async () => {
    await putFlySecrets((await target()).api, APP, { GATEWAY_SECRET_A: ONE, GATEWAY_SECRET_B: ZERO });
    await launch();
    const { target: origin } = await target();
    await origin.roll("rolling", free());
    expect(summary(await origin.look())).toMatchObject({ config: { b: ZERO } });
    await origin.write({ b: TWO }, free());
    expect(summary(await origin.look())).toMatchObject({ config: null });
  });

  it("knows the configuration slot by slot: taken by a Machine, written since, or deleted", async () => {
    await putFlySecrets((await target()).api, APP, { GATEWAY_SECRET_A: ONE, GATEWAY_SECRET_B: ZERO });
    await launch();
    const { target: origin } = await target();
    await origin.roll("rolling", free());
    const a = await kidOfText(ONE);
    expect(await origin.look()).toMatchObject({ slots: { a, b: ZERO } });
    await origin.write({ b: TWO }, free());
    expect(await origin.look()).toMatchObject({ slots: { a, b: "unknown" } });
    await origin.write({ a: TWO }, free());
    expect(await origin.look()).toMatchObject({ slots: { a: "unknown", b: "unknown" } });
    await call("DELETE", `/apps/${APP}/secrets/GATEWAY_SECRET_A`);
    expect(await origin.look()).toMatchObject({ slots: { a: null, b: "unknown" }, config: null });
  });

  it("sees what somebody deploys while it asks: nothing is lost from the configuration", async () => {
    await putFlySecrets((await target()).api, APP, { GATEWAY_SECRET_A: ONE, GATEWAY_SECRET_B: ZERO });
    const id = await launch();
    await (await target()).target.roll("rolling", free());
    const { config: own } = await machineOf(id);
    let deployed = false;
    context = {
      ...context,
      fetch: async (input, init) => {
        if (urlOf(input).includes("/.well-known/") && !deployed) {
          deployed = true;
          const { json } = await call("POST", `/apps/${APP}/machines/${id}`, {
            config: { ...own, image: "sandbox.local/origin:v2" },
          });
          await call("GET", `/apps/${APP}/machines/${id}/wait?instance_id=${String(json["instance_id"])}&timeout=30`);
        }
        return fetch(input, init);
      },
    };
    const a = await kidOfText(ONE);
    expect(await (await target()).target.look()).toMatchObject({
      instances: [{ id, newest: true }],
      config: { a, b: ZERO },
      slots: { a, b: ZERO },
    });
  });

  it("waits a little for a platform that still shows the Machine as it was", async () => {
    await putFlySecrets((await target()).api, APP, { GATEWAY_SECRET_A: ONE, GATEWAY_SECRET_B: ZERO });
    const id = await launch();
    const before = await machineOf(id);
    await (await target()).target.roll("rolling", free());
    let looks = 0;
    context = {
      ...context,
      fetch: async (input, init) =>
        urlOf(input).endsWith(`/machines/${id}`) && ++looks < 5 ? Response.json(before) : fetch(input, init),
    };
    expect(await (await target()).target.look()).toMatchObject({
      instances: [{ id, newest: true }],
      config: { b: ZERO },
    });
  });

  it("wakes a Machine that is stopped and asks it by its id", async () => {
    await putFlySecrets((await target()).api, APP, { GATEWAY_SECRET_A: ONE, GATEWAY_SECRET_B: ZERO });
    const id = await launch();
    await call("POST", `/apps/${APP}/machines/${id}/stop`);
    await until(async () => (await state(id)) === "stopped");
    const look = await (await target()).target.look();
    expect(look.ok && look.instances).toMatchObject([{ id, awake: false }]);
  });

  it("finds nothing where nothing runs, and leaves out a Machine of a joining origin that cannot start", async () => {
    expect(await (await target()).target.look()).toEqual({
      ok: true,
      instances: [],
      config: null,
      stamps: {},
    });
    const { json } = await call("POST", `/apps/${APP}/machines`, {
      region: "nrt",
      config: config({ restart: { policy: "no" } }),
    });
    await until(async () => ["stopped", "failed"].includes(await state(json["id"] as string)));
    context = { ...context, monotonic: () => performance.now() * 50 };
    expect(await (await target("joining")).target.look()).toMatchObject({
      ok: true,
      instances: [],
      silent: [json["id"]],
    });
    expect(await (await target()).target.look()).toEqual({
      ok: false,
      reason: expect.stringMatching(`^Machine ${json["id"]} \\((stopped|failed)\\) does not answer$`),
      stamps: {},
    });
  });
});
