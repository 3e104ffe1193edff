import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../contract/config.ts";
import { koyebSlotSecret } from "../../contract/secret-names.ts";
import { startKoyeb, type Koyeb } from "../../sandbox/vendors/koyeb/koyeb.ts";
import { caller, fastContext, type Call, type Json, TOKENS, until } from "../../sandbox/test/harness.ts";
import type { VendorContext } from "../../sandbox/vendors/vendor.ts";
import { ENVIRONMENT_INPUT, testEnvironment } from "../test/environment.ts";
import { deployKoyebService, slotVariables } from "../test/koyeb-service.ts";
import { countingGuard, kidOfText, secretOf, summary, ZERO } from "../test/origin-targets.ts";
import { testContext, urlOf, type TestContext } from "../test/test-context.ts";
import { koyebApi, koyebServiceId, putKoyebSecret } from "./koyeb-api.ts";
import { koyebOrigin } from "./koyeb.ts";

const ONE = secretOf("one");
const TWO = secretOf("two");

let koyeb: Koyeb;
let vendor: VendorContext;
let call: Call;
let context: TestContext;

beforeEach(async () => {
  vendor = fastContext({ light: true });
  koyeb = await startKoyeb(vendor);
  call = caller(() => koyeb.url, TOKENS.koyeb);
  context = testContext({ fetch, realTime: true });
});
afterEach(() => koyeb.close());

async function target(state: "pool" | "joining" = "pool") {
  const url = await koyeb.edgeUrl("mcpist", "origin");
  const origins: EnvironmentInput["origins"] = [
    { name: "koyeb", kind: "koyeb", url, app: "mcpist", service: "origin", state },
    { ...ENVIRONMENT_INPUT.origins[1]! },
  ];
  const environment = testEnvironment({ origins });
  const [origin] = environment.origins;
  if (origin?.kind !== "koyeb") throw new TypeError("the first origin is Koyeb's");
  const api = koyebApi(context, { baseUrl: koyeb.url, token: TOKENS.koyeb });
  return { api, origin, target: koyebOrigin(context, api, "production", environment, origin) };
}
/** The app, and its service with both slots; they are there when this returns, healthy only if a slot is valid. */
const deploy = (a: string | null, b: string | null, instances = 1, more: Json = {}): Promise<string> =>
  deployKoyebService(call, slotVariables(a, b), { scalings: [{ min: instances, max: 3 }], ...more });
const status = async (service: string): Promise<string> =>
  (await call("GET", `/v1/services/${service}`)).json["service"]["status"] as string;
const healthy = (service: string) => until(async () => (await status(service)) === "HEALTHY");

describe("slots on Koyeb", () => {
  it("are known by their names alone; the value is never asked for", async () => {
    const { target: origin } = await target();
    expect(await origin.names()).toEqual({ slots: [], legacy: false });
    await origin.write({ a: ONE }, countingGuard().guard);
    expect(await origin.names()).toEqual({ slots: ["a"], legacy: false });
    await call("POST", "/v1/secrets", { name: "mcpist-production-gateway-secret", type: "SIMPLE", value: ONE });
    expect(await origin.names()).toEqual({ slots: ["a"], legacy: true });
    expect(vendor.faults.calls.some(({ path }) => path.includes("reveal"))).toBe(false);
  });

  it("are found among more secrets than one page holds, and not mistaken for one that is named alike", async () => {
    for (let i = 0; i < 105; i++)
      await call("POST", "/v1/secrets", { name: `mcpist-production-gateway-secret-a${i}`, type: "SIMPLE", value: "x" });
    const { api, target: origin } = await target();
    expect(await origin.names()).toEqual({ slots: [], legacy: false });
    await putKoyebSecret(api, context, "mcpist-production-gateway-secret-b", TWO);
    await putKoyebSecret(api, context, "mcpist-production-gateway-secret-b", ONE);
    expect(await origin.names()).toEqual({ slots: ["b"], legacy: false });
  });

  it("are replaced although a list does not show them yet", async () => {
    const { api } = await target();
    vendor.timings = { ...vendor.timings, listLagMs: 800 };
    await putKoyebSecret(api, context, "mcpist-production-late", TWO);
    await putKoyebSecret(api, context, "mcpist-production-late", ONE);
    const [secret] = (await call("GET", "/v1/secrets?limit=100")).json["secrets"] as Json[];
    expect((await call("POST", `/v1/secrets/${secret?.["id"]}/reveal`, {})).json["value"]).toBe(ONE);
    await expect(putKoyebSecret(api, context, "Not A Name", ONE)).rejects.toMatchObject({ code: "ERR_VENDOR" });
  });

  it("are written one call each, each behind the guard; a write takes effect with a rollout only", async () => {
    const service = await deploy(ONE, ZERO);
    await healthy(service);
    const { target: origin } = await target();
    const { guard, calls } = countingGuard();
    await origin.write({ b: TWO }, guard);
    // The slot, and the two marks that are missing.
    expect(calls()).toBe(3);
    const one = JSON.stringify({ a: await kidOfText(ONE), b: ZERO });
    // The instances are what they were; the configuration is not proven, because it was written after they booted.
    expect(summary(await origin.look())).toEqual({ instances: [one], config: null });
    await origin.roll("rolling", guard);
    expect(calls()).toBe(4);
    const both = { a: await kidOfText(ONE), b: await kidOfText(TWO) };
    expect(summary(await origin.look())).toEqual({ instances: [JSON.stringify(both)], config: both });
    await expect(origin.write({ a: TWO, b: ONE }, countingGuard(2).guard)).rejects.toThrow("the lease is over");
  });
});

describe("the configuration on Koyeb", () => {
  it("is known slot by slot: taken by the newest deployment, written since, or deleted", async () => {
    const service = await deploy(ONE, ZERO);
    await healthy(service);
    const { target: origin } = await target();
    const a = await kidOfText(ONE);
    expect(await origin.look()).toMatchObject({ slots: { a, b: ZERO }, config: { a, b: ZERO } });
    await origin.write({ b: TWO }, countingGuard().guard);
    expect(await origin.look()).toMatchObject({ slots: { a, b: "unknown" }, config: null });
    await origin.write({ a: TWO }, countingGuard().guard);
    expect(await origin.look()).toMatchObject({ slots: { a: "unknown", b: "unknown" }, config: null });
    const { json } = await call("GET", "/v1/secrets?limit=100");
    const name = koyebSlotSecret("production", "a");
    const id = (json["secrets"] as { id: string; name: string }[]).find((secret) => secret.name === name)?.id;
    await call("DELETE", `/v1/secrets/${id}`);
    expect(await origin.look()).toMatchObject({ slots: { a: null, b: "unknown" }, config: null });
  });
});

describe("the instances on Koyeb", () => {
  it("are counted one by one: while one of them is silent, nothing is known of the origin", async () => {
    const service = await deploy(ONE, ZERO, 2);
    await healthy(service);
    const { api, origin } = await target();
    // The edge always meets the same instance, and waiting costs nothing.
    let first: string | null = null;
    let skipped = 0;
    const patient = {
      ...context,
      sleep: async (ms: number) => void (skipped += ms * 20),
      monotonic: () => context.monotonic() + skipped,
      fetch: async (input: Parameters<typeof fetch>[0], init?: RequestInit) => {
        if (!urlOf(input).endsWith("/.well-known/mcpist/gateway")) return fetch(input, init);
        first ??= await (await fetch(input, init)).text();
        return new Response(first);
      },
    };
    const environment = testEnvironment({ origins: [origin, ENVIRONMENT_INPUT.origins[1]!] });
    const look = await koyebOrigin(patient, api, "production", environment, origin).look();
    expect(look).toMatchObject({ ok: false });
    expect(look.ok ? "" : look.reason).toMatch(/^instance \S+ does not answer/);
  });
});

describe("an instance that Koyeb does not list any more", () => {
  it("counts as long as it answers: it serves, whatever it was told to do", async () => {
    const service = await deploy(ONE, ZERO, 2);
    await healthy(service);
    const [gone] = koyeb.instances();
    context = {
      ...context,
      fetch: async (input, init) => {
        const answer = await fetch(input, init);
        if (!urlOf(input).includes("/v1/instances")) return answer;
        const { instances } = (await answer.json()) as { instances: Json[] };
        const left = instances.filter(({ id }) => id !== gone?.id);
        return Response.json({ instances: left, count: left.length });
      },
    };
    const { target: origin } = await target();
    // Its edge balances: the one that is listed may be the first to answer.
    await until(async () => {
      const look = await origin.look();
      return look.ok && look.instances.some(({ id, newest }) => id === gone?.id && !newest);
    });
    expect((await origin.look()).ok).toBe(true);
  });
});

describe("a deployment that was made a moment ago", () => {
  it("has no instance yet, and is waited for: nothing is lost from the configuration", async () => {
    const service = await deploy(ONE, ZERO);
    await healthy(service);
    vendor.timings = { ...vendor.timings, koyebStepMs: 400 };
    await call("POST", `/v1/services/${service}/redeploy`, {});
    const { target: origin } = await target();
    expect(await origin.look()).toMatchObject({ ok: true, slots: { a: await kidOfText(ONE), b: ZERO } });
  });

  it("by somebody else while it was looked at is seen as well: nothing is lost from the configuration", async () => {
    const service = await deploy(ONE, ZERO);
    await healthy(service);
    let looks = 0;
    context = {
      ...context,
      monotonic: () => performance.now() * 20,
      fetch: async (input, init) => {
        const answer = await fetch(input, init);
        if (!urlOf(input).endsWith(`/v1/services/${service}`) || ++looks > 1) return answer;
        await call("POST", `/v1/services/${service}/redeploy`, { skip_build: true });
        const old = ((await answer.clone().json()) as Json)["service"]["latest_deployment_id"] as string;
        await until(
          async () => (await call("GET", `/v1/deployments/${old}`)).json["deployment"]["status"] === "STOPPED",
        );
        return answer;
      },
    };
    const a = await kidOfText(ONE);
    expect(await (await target()).target.look()).toMatchObject({ config: { a, b: ZERO }, slots: { a, b: ZERO } });
  });

  it("is not waited for by who has no time: what serves is seen, and the configuration is not known", async () => {
    const service = await deploy(ONE, ZERO);
    await healthy(service);
    vendor.timings = { ...vendor.timings, koyebStepMs: 3_600_000 };
    await call("POST", `/v1/services/${service}/redeploy`, {});
    const { target: origin } = await target();
    expect(await origin.look({ withinMs: 1000 })).toMatchObject({
      ok: true,
      config: null,
      instances: [{ newest: false, kids: { a: await kidOfText(ONE) } }],
    });
  });

  it("is not seen where the platform itself is silent for longer than there is time", async () => {
    await deploy(ONE, ZERO);
    const { target: origin } = await target();
    vendor.faults.add({ vendor: "koyeb", path: "^/v1/", effect: { kind: "hang", when: "before", ms: 10_000 } });
    expect(await origin.look({ withinMs: 200 })).toEqual({
      ok: false,
      reason: "its platform or its instances did not answer in time",
    });
    vendor.faults.clear();
  });
});

describe("the strategy of a Koyeb service", () => {
  const free = () => countingGuard().guard;
  const newest = async (service: string): Promise<Json> => {
    const { json } = await call("GET", `/v1/deployments?service_id=${service}&limit=1`);
    return (json["deployments"] as Json[])[0]!["definition"] as Json;
  };
  const change = async (service: string, more: Json): Promise<void> => {
    const definition = { ...(await newest(service)), ...more };
    await call("PATCH", `/v1/services/${service}`, { definition, skip_build: true });
    await healthy(service);
  };

  it.each([undefined, { type: "DEPLOYMENT_STRATEGY_TYPE_ROLLING" }, { type: "DEPLOYMENT_STRATEGY_TYPE_BLUE_GREEN" }])(
    "and everything else is after an emergency's rollout as it was before: %j",
    async (strategy) => {
      const service = await deploy(ONE, ZERO);
      await healthy(service);
      if (strategy) await change(service, { strategy });
      const before = await newest(service);
      const { target: origin } = await target();
      await origin.roll("now", free());
      expect(await newest(service)).toEqual({ ...before, strategy: { type: "DEPLOYMENT_STRATEGY_TYPE_IMMEDIATE" } });
      await origin.settle?.(free());
      expect(await newest(service)).toEqual(before);
      await origin.settle?.(free());
      await origin.roll("rolling", free());
      expect(await newest(service)).toEqual(before);
    },
  );

  it("is put right by the next ordinary rollout when the run was killed in between", async () => {
    const service = await deploy(ONE, ZERO);
    await healthy(service);
    const before = await newest(service);
    const { target: origin } = await target();
    await origin.roll("now", free());
    await origin.roll("rolling", free());
    expect(await newest(service)).toEqual(before);
  });

  it("that an older version of this tool saved for later is never rolled out", async () => {
    const service = await deploy(ONE, ZERO);
    await healthy(service);
    const before = await newest(service);
    const definition = { ...before, strategy: { type: "DEPLOYMENT_STRATEGY_TYPE_IMMEDIATE" } };
    await call("PATCH", `/v1/services/${service}`, { definition, save_only: true });
    const { target: origin } = await target();
    await origin.roll("rolling", free());
    expect(await newest(service)).toEqual(before);
    expect(koyeb.instances()).toHaveLength(1);
  });

  it("stays IMMEDIATE where it was never anything else", async () => {
    const service = await deploy(ONE, ZERO, 1, { strategy: { type: "DEPLOYMENT_STRATEGY_TYPE_IMMEDIATE" } });
    await healthy(service);
    const before = await newest(service);
    const { target: origin } = await target();
    for (const speed of ["now", "rolling"] as const) await origin.roll(speed, free());
    await origin.settle?.(free());
    expect(await newest(service)).toEqual(before);
  });

  it("is changed on what somebody deployed between the look and the write", async () => {
    const service = await deploy(ONE, ZERO);
    await healthy(service);
    const { target: origin } = await target();
    const image = { docker: { image: "sandbox.local/origin:v2" } };
    for (const work of [
      (guard: () => Promise<void>) => origin.roll("now", guard),
      (guard: () => Promise<void>) => origin.settle?.(guard),
    ]) {
      let others = 0;
      await work(async () => {
        if (others++ > 0) return;
        const definition = { ...(await newest(service)), ...image, instance_types: [{ type: `n${others}` }] };
        await call("PATCH", `/v1/services/${service}`, { definition, skip_build: true });
      });
      expect(await newest(service)).toMatchObject({ ...image, instance_types: [{ type: "n1" }] });
    }
    expect((await newest(service))["strategy"]).toBeUndefined();
  });
});

describe("a rollout on Koyeb", () => {
  it("is over when the deployment is healthy and no instance of an older one is left", async () => {
    const service = await deploy(ONE, ZERO, 2);
    await healthy(service);
    const { target: origin } = await target();
    await origin.write({ b: TWO }, countingGuard().guard);
    await origin.roll("rolling", countingGuard().guard);
    const look = await origin.look();
    expect(look.ok && look.instances.map(({ newest }) => newest)).toEqual([true, true]);
    expect(new Set(koyeb.instances().map(({ rollout }) => rollout)).size).toBe(1);
  });

  it("that somebody's deploy overtakes goes on with that one, which took the secrets that were written", async () => {
    const service = await deploy(ONE, ZERO);
    await healthy(service);
    const { target: origin } = await target();
    await origin.write({ b: TWO }, countingGuard().guard);
    vendor.timings = { ...vendor.timings, koyebStepMs: 60 };
    const rolled = origin.roll("rolling", countingGuard().guard);
    await until(async () => {
      const { json } = await call("GET", `/v1/deployments?service_id=${service}&limit=1`);
      return (json["deployments"] as Json[])[0]!["version"] === "2";
    });
    await call("POST", `/v1/services/${service}/redeploy`, { skip_build: true });
    await rolled;
    const both = { a: await kidOfText(ONE), b: await kidOfText(TWO) };
    expect(summary(await origin.look())).toMatchObject({ config: both });
  });

  it("whose answer is lost is made once more, and the newer one is followed", async () => {
    const service = await deploy(ONE, ZERO);
    await healthy(service);
    vendor.faults.add({
      vendor: "koyeb",
      method: "POST",
      path: "/redeploy",
      times: 1,
      effect: { kind: "reset", when: "lost" },
    });
    const { target: origin } = await target();
    await origin.write({ b: TWO }, countingGuard().guard);
    await origin.roll("rolling", countingGuard().guard);
    expect(summary(await origin.look())).toMatchObject({ config: { b: await kidOfText(TWO) } });
  });

  it("that fails says that the old one keeps serving", async () => {
    const service = await deploy(ONE, ZERO);
    await healthy(service);
    const { target: origin } = await target();
    koyeb.behave("mcpist", "fail");
    await expect(origin.roll("rolling", countingGuard().guard)).rejects.toMatchObject({
      code: "ERR_VENDOR",
      message: expect.stringMatching(
        /^Koyeb's deployment .* of mcpist\/origin ended ERROR: .+; the old one keeps serving$/,
      ) as string,
    });
    expect((await origin.look()).ok).toBe(true);
  });

  it("is not over while an older instance is left, although an instance came between two readings", async () => {
    const service = await deploy(ONE, ZERO, 2);
    await healthy(service);
    const instance = (id: string) => ({ id, status: "HEALTHY" });
    // By the number they are as many.
    const all = [
      ["old", "new"],
      ["new", "newer"],
    ];
    const own = [
      ["new", "newer"],
      ["new", "newer"],
    ];
    const asked: string[] = [];
    context = {
      ...context,
      fetch: async (input, init) => {
        const url = urlOf(input);
        if (!url.includes("/v1/instances")) return fetch(input, init);
        const kind = url.includes("deployment_id") ? "own" : "all";
        asked.push(kind);
        const ids = (kind === "own" ? own : all).shift() ?? ["new", "newer"];
        return Response.json({ instances: ids.map(instance), count: ids.length });
      },
    };
    await (await target()).target.roll("rolling", countingGuard().guard);
    expect(asked).toEqual(["all", "own", "all", "own"]);
  });

  it("that was healthy for a moment and then failed says that no older one is left", async () => {
    const service = await deploy(ONE, ZERO);
    await healthy(service);
    // The older instances are stopped by then.
    const failed = async (answer: Response) => {
      const { deployment } = (await answer.json()) as { deployment: Json };
      return Response.json({ deployment: { ...deployment, status: "ERROR", messages: ["killed"] } });
    };
    context = {
      ...context,
      fetch: async (input, init) => {
        const answer = await fetch(input, init);
        if (/\/v1\/deployments\/[^/?]+$/.test(urlOf(input))) return failed(answer);
        return urlOf(input).includes("/v1/instances") ? Response.json({ instances: [], count: 0 }) : answer;
      },
    };
    await expect((await target()).target.roll("rolling", countingGuard().guard)).rejects.toMatchObject({
      code: "ERR_VENDOR",
      message: expect.stringMatching(/ended ERROR: killed; no older one serves$/) as string,
    });
  });

  it("at once replaces every instance without a moment of both", async () => {
    const service = await deploy(ONE, ZERO);
    await healthy(service);
    const { target: origin } = await target();
    await origin.write({ a: ZERO, b: TWO }, countingGuard().guard);
    await origin.roll("now", countingGuard().guard);
    const only = { a: ZERO, b: await kidOfText(TWO) };
    expect(summary(await origin.look())).toEqual({ instances: [JSON.stringify(only)], config: only });
  });

  it("is looked at through sleep: the instance is woken and asked", async () => {
    const service = await deploy(ONE, ZERO);
    await healthy(service);
    await koyeb.sleep("mcpist", "origin", "light");
    const { target: origin } = await target();
    const look = await origin.look();
    expect(look.ok && look.instances).toHaveLength(1);
  });
});

describe("a service that is not there", () => {
  it("is an error that names it, for an origin that serves", async () => {
    const { target: origin, api, origin: config } = await target();
    await expect(origin.look()).rejects.toMatchObject({
      code: "ERR_NOT_FOUND",
      message: "Koyeb has no service mcpist/origin",
    });
    expect(await koyebServiceId(api, config)).toBeNull();
  });

  it("is nothing yet, for an origin that joins: its slots can be written before it is deployed, and it boots with them", async () => {
    const { target: origin } = await target("joining");
    expect(await origin.look()).toEqual({ ok: true, instances: [], config: null });
    await origin.write({ a: ONE, b: ZERO }, countingGuard().guard);
    await origin.roll("rolling", countingGuard().guard);
    await healthy(await deploy(null, null));
    const kids = { a: await kidOfText(ONE), b: ZERO };
    expect(summary(await origin.look())).toEqual({ instances: [JSON.stringify(kids)], config: kids });
  });

  it("cannot start without a slot, and is started by the rollout of the rotation that gives it one", async () => {
    const service = await deploy(ZERO, ZERO);
    await until(async () => (await status(service)) === "UNHEALTHY");
    // Waiting for instances that cannot come takes seconds; the clock of this test runs faster.
    context = { ...context, monotonic: () => performance.now() * 20 };
    const { target: origin } = await target("joining");
    expect(await origin.look()).toMatchObject({ ok: true, instances: [] });
    await origin.write({ a: ONE }, countingGuard().guard);
    await origin.roll("rolling", countingGuard().guard);
    const kids = { a: await kidOfText(ONE), b: ZERO };
    expect(summary(await origin.look())).toEqual({ instances: [JSON.stringify(kids)], config: kids });
  });
});

describe("the token of Koyeb", () => {
  it("that is wrong is an authorisation error", async () => {
    const api = koyebApi(context, { baseUrl: koyeb.url, token: "wrong" });
    await expect(putKoyebSecret(api, context, "x-y", ONE)).rejects.toMatchObject({
      code: "ERR_UNAUTHORISED",
      exitCode: 4,
    });
  });
});
