import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ask, type Call, caller, FAKE_ORIGIN, fastContext, type Json, TOKENS, until } from "../../test/harness.ts";
import type { VendorContext } from "../vendor.ts";
import { type Koyeb, startKoyeb } from "./koyeb.ts";

let koyeb: Koyeb;
let context: VendorContext;
let call: Call;
let url: string;

beforeEach(async () => {
  context = fastContext();
  koyeb = await startKoyeb(context, { program: FAKE_ORIGIN });
  call = caller(() => koyeb.url, TOKENS.koyeb);
  url = await koyeb.edgeUrl("mcpist", "origin");
});
afterEach(() => koyeb.close());

const ok = async (method: string, path: string, body?: unknown): Promise<Json> => {
  const { status, json } = await call(method, path, body);
  expect({ status, json }).toMatchObject({ status: 200 });
  return json;
};
const deployment = async (id: string): Promise<Json> => (await ok("GET", `/v1/deployments/${id}`))["deployment"];
const reaches = (id: string, status: string) => until(async () => (await deployment(id))["status"] === status);
const service = async (id: string): Promise<Json> => (await ok("GET", `/v1/services/${id}`))["service"];
const instances = async (query: string): Promise<Json[]> =>
  (await ok("GET", `/v1/instances?limit=100&${query}`))["instances"];
const statuses = async (query: string): Promise<string[]> =>
  (await instances(query)).map((instance) => instance["status"] as string);
const redeploy = async (id: string): Promise<string> =>
  (await ok("POST", `/v1/services/${id}/redeploy`, { skip_build: true }))["deployment"]["id"];
const secretValue = async (): Promise<string> => (await ask(url))["environment"]["GATEWAY_SECRET_A"];

const definition = (extra: Json = {}): Json => ({
  name: "origin",
  type: "WEB",
  regions: ["fra"],
  env: [
    { key: "ORIGIN_NAME", value: "koyeb" },
    { key: "GATEWAY_SECRET_A", secret: "slot-a" },
  ],
  scalings: [{ min: 1, max: 3 }],
  docker: { image: "sandbox.local/origin" },
  ...extra,
});

interface Deployed {
  /** Ids. */
  readonly service: string;
  readonly secret: string;
  readonly first: string;
}
async function deployed(extra: Json = {}): Promise<Deployed> {
  const { secret } = await ok("POST", "/v1/secrets", { name: "slot-a", type: "SIMPLE", value: "first" });
  const { app } = await ok("POST", "/v1/apps", { name: "mcpist" });
  const { service: made } = await ok("POST", "/v1/services", { app_id: app["id"], definition: definition(extra) });
  await reaches(made["latest_deployment_id"], "HEALTHY");
  return { service: made["id"], secret: secret["id"], first: made["latest_deployment_id"] };
}
const write = (id: string, value: string) => ok("PATCH", `/v1/secrets/${id}`, { value });

describe("a deployment", () => {
  it("freezes the secrets it found: a later write changes nothing without a redeploy", async () => {
    const { service: id, secret } = await deployed();
    await write(secret, "second");
    const { environment } = await ask(url);
    const [instance] = await instances(`service_id=${id}`);
    expect(environment).toMatchObject({
      GATEWAY_SECRET_A: "first",
      ORIGIN_NAME: "koyeb",
      KOYEB_INSTANCE_ID: instance?.["id"],
      KOYEB_REGIONAL_DEPLOYMENT_ID: instance?.["regional_deployment_id"],
    });
  });

  it("walks the vendor's list of statuses, and only then becomes the active one", async () => {
    const { service: id } = await deployed();
    const next = await redeploy(id);
    const walk = ["PENDING"];
    await until(async () => {
      const { active_deployment_id: active } = await service(id);
      const { status } = await deployment(next);
      if (walk.at(-1) !== status) walk.push(status);
      if (active === next) expect(status).toBe("HEALTHY");
      return active === next || null;
    });
    const order = ["PENDING", "PROVISIONING", "SCHEDULED", "ALLOCATING", "STARTING", "HEALTHY"];
    expect(order.filter((status) => walk.includes(status))).toEqual(walk);
  });

  it("lets the old instance serve beside the new one while it drains, then stops it, without one failed request", async () => {
    const { service: id, secret, first } = await deployed();
    // The old instance is kept until we have looked, however long that takes, by what it still answers.
    const leaving = new AbortController();
    const reader = (await fetch(`${url}/stream`, { signal: leaving.signal })).body?.getReader();
    await write(secret, "second");
    const values = new Set([await secretValue()]);
    const next = await redeploy(id);
    const old = async (): Promise<string | undefined> => {
      const answer = await ask(url);
      expect(answer["status"]).toBe(200);
      values.add(answer["environment"]["GATEWAY_SECRET_A"]);
      return (await statuses(`deployment_id=${first}`))[0];
    };
    await until(
      async () => (await old()) === "STOPPING" && (await deployment(next))["status"] === "HEALTHY" && values.size === 2,
    );
    expect((await reader?.read())?.done).toBe(false);
    leaving.abort();
    await until(async () => (await old()) === "STOPPED");
    expect(await secretValue()).toBe("second");
    expect(await deployment(first)).toMatchObject({ status: "STOPPED" });
  });

  it("that fails leaves the old one serving and active", async () => {
    const { service: id, first } = await deployed();
    koyeb.behave("mcpist", "fail");
    const next = await redeploy(id);
    await reaches(next, "ERROR");
    expect(await statuses(`deployment_id=${next}`)).toEqual(["ERROR"]);
    expect(await service(id)).toMatchObject({
      status: "HEALTHY",
      active_deployment_id: first,
      latest_deployment_id: next,
    });
    expect(await secretValue()).toBe("first");
  });

  it("tells the origin's own sentence when the origin refuses to start", async () => {
    const { service: id } = await deployed();
    const env = [{ key: "BEHAVE", value: "refuse" }];
    const { service: changed } = await ok("PUT", `/v1/services/${id}`, { definition: definition({ env }) });
    await reaches(changed["latest_deployment_id"], "ERROR");
    const { messages } = await deployment(changed["latest_deployment_id"]);
    expect(messages[0]).toContain("no valid gateway secret in GATEWAY_SECRET_A or GATEWAY_SECRET_B");
  });

  it("that never becomes healthy fails, and a first one leaves the service unhealthy", async () => {
    const { app } = await ok("POST", "/v1/apps", { name: "mcpist" });
    const env = [{ key: "BEHAVE", value: "unhealthy" }];
    const { service: made } = await ok("POST", "/v1/services", { app_id: app["id"], definition: definition({ env }) });
    await reaches(made["latest_deployment_id"], "ERROR");
    expect(await service(made["id"])).toMatchObject({ status: "UNHEALTHY", active_deployment_id: "" });
    expect(await ask(url)).toMatchObject({ status: 404 });
  });

  it("that is stuck is canceled by the next one", async () => {
    const { service: id } = await deployed();
    koyeb.behave("mcpist", "stuck");
    const stuck = await redeploy(id);
    await reaches(stuck, "STARTING");
    koyeb.behave("mcpist", "normal");
    const next = await redeploy(id);
    await reaches(stuck, "CANCELED");
    await reaches(next, "HEALTHY");
    expect(await statuses(`deployment_id=${stuck}`)).toEqual(["STOPPED"]);
  });

  it("fails when a secret that it references was deleted, which running instances do not notice", async () => {
    const { service: id, secret } = await deployed();
    await ok("DELETE", `/v1/secrets/${secret}`);
    expect(await secretValue()).toBe("first");
    const next = await redeploy(id);
    await reaches(next, "ERROR");
    expect((await deployment(next))["messages"]).toEqual(["secret not found: slot-a"]);
    expect(await secretValue()).toBe("first");
  });

  it("with strategy IMMEDIATE stops the old instance before the new one serves", async () => {
    const { service: id, secret, first } = await deployed({ strategy: { type: "DEPLOYMENT_STRATEGY_TYPE_IMMEDIATE" } });
    context.timings = { ...context.timings, koyebStepMs: 60 };
    await write(secret, "second");
    const next = await redeploy(id);
    await reaches(first, "STOPPED");
    expect((await deployment(next))["status"]).not.toBe("HEALTHY");
    expect((await fetch(url)).status).toBe(503);
    await reaches(next, "HEALTHY");
    expect(await secretValue()).toBe("second");
  });

  it("with strategy IMMEDIATE that fails leaves nothing serving", async () => {
    const { service: id } = await deployed({ strategy: { type: "DEPLOYMENT_STRATEGY_TYPE_IMMEDIATE" } });
    koyeb.behave("mcpist", "fail");
    await reaches(await redeploy(id), "ERROR");
    expect(await service(id)).toMatchObject({ status: "UNHEALTHY" });
    expect((await fetch(url)).status).toBe(503);
  });

  it("only stores the new definition when it is told so", async () => {
    const { service: id, first } = await deployed();
    await ok("PATCH", `/v1/services/${id}`, { definition: definition({ env: [] }), save_only: true });
    expect(await service(id)).toMatchObject({ latest_deployment_id: first });
    await reaches(await redeploy(id), "HEALTHY");
    await until(async () => (await statuses(`deployment_id=${first}`))[0] === "STOPPED" || null);
    expect(await secretValue()).toBeUndefined();
  });
});

describe("instances", () => {
  it("run as many as min says, all of them answer, and scaling stays within max", async () => {
    const { service: id } = await deployed({ scalings: [{ min: 2, max: 3 }] });
    const seen = async (): Promise<Set<string>> => {
      const answers = await Promise.all(Array.from({ length: 6 }, () => ask(url)));
      return new Set(answers.map((answer) => answer["environment"]["KOYEB_INSTANCE_ID"] as string));
    };
    const healthy = async (): Promise<Set<string>> =>
      new Set((await instances(`service_id=${id}&statuses=HEALTHY`)).map((instance) => instance["id"] as string));
    expect(await seen()).toEqual(await healthy());
    await koyeb.scale("mcpist", "origin", 9);
    expect((await healthy()).size).toBe(3);
    expect(await seen()).toEqual(await healthy());
    await koyeb.scale("mcpist", "origin", 1);
    expect((await healthy()).size).toBe(1);
  });

  it("that sleep deeply cold-start as new instances, with what their deployment froze", async () => {
    const { service: id, first, secret } = await deployed();
    const [asleep] = await instances(`service_id=${id}`);
    await koyeb.sleep("mcpist", "origin", "deep");
    await write(secret, "second");
    expect([(await deployment(first))["status"], await statuses(`service_id=${id}`)]).toEqual([
      "SLEEPING",
      ["SLEEPING"],
    ]);
    const answers = await Promise.all([ask(url), ask(url)]);
    const ids = new Set(answers.map((answer) => answer["environment"]["KOYEB_INSTANCE_ID"]));
    expect(ids.size).toBe(1);
    expect(ids).not.toContain(asleep?.["id"]);
    expect(answers[0]?.["environment"]["GATEWAY_SECRET_A"]).toBe("first");
    expect((await deployment(first))["status"]).toBe("HEALTHY");
  });

  it("that are woken while they fall asleep stay awake and lose no request", async () => {
    const { service: id } = await deployed();
    await ask(url);
    const slow = fetch(`${url}/slow`);
    const asleep = koyeb.sleep("mcpist", "origin", "light");
    const woken = ask(url);
    await asleep;
    expect((await slow).status).toBe(200);
    expect(await woken).toMatchObject({ environment: { GATEWAY_SECRET_A: "first" } });
    expect(await statuses(`service_id=${id}`)).toEqual(["HEALTHY"]);
    expect(await ask(url)).toMatchObject({ environment: { GATEWAY_SECRET_A: "first" } });
  });
  it("that are woken while they stop for a deep sleep leave none behind asleep", async () => {
    const { service: id } = await deployed({ scalings: [{ min: 2, max: 2 }] });
    const asleep = koyeb.sleep("mcpist", "origin", "deep");
    for (let i = 0; i < 10; i++) expect((await ask(url))["status"]).toBe(200);
    await asleep;
    expect((await ask(url))["status"]).toBe(200);
    expect(await statuses(`service_id=${id}`)).not.toContain("SLEEPING");
  });

  it("that sleep lightly resume with their memory", async () => {
    const { service: id, secret } = await deployed();
    const { pid } = await ask(url);
    await koyeb.sleep("mcpist", "origin", "light");
    await write(secret, "second");
    expect(await statuses(`service_id=${id}`)).toEqual(["SLEEPING"]);
    expect(await ask(url)).toMatchObject({ pid, environment: { GATEWAY_SECRET_A: "first" } });
  });

  it("are gone while their service is paused, and come back with the secrets as they are then", async () => {
    const { service: id, secret } = await deployed();
    await ok("POST", `/v1/services/${id}/pause`, {});
    await until(async () => (await service(id))["status"] === "PAUSED" || null);
    expect((await fetch(url)).status).toBe(404);
    expect(await instances(`service_id=${id}&statuses=HEALTHY`)).toEqual([]);
    expect((await call("POST", `/v1/services/${id}/pause`, {})).status).toBe(400);
    await write(secret, "second");
    await ok("POST", `/v1/services/${id}/resume`, {});
    await until(async () => (await service(id))["status"] === "HEALTHY" || null);
    expect(await secretValue()).toBe("second");
  });

  it("that sleep are gone after a redeploy", async () => {
    const { service: id, first } = await deployed();
    await koyeb.sleep("mcpist", "origin", "light");
    await reaches(await redeploy(id), "HEALTHY");
    await until(async () => (await statuses(`deployment_id=${first}`))[0] === "STOPPED" || null);
    expect((await ask(url))["environment"]["KOYEB_INSTANCE_ID"]).not.toBeUndefined();
  });

  it("that end on their own are replaced, with what their deployment froze", async () => {
    const { service: id, secret } = await deployed();
    await write(secret, "second");
    await fetch(`${url}/end`);
    await until(async () => (await statuses(`service_id=${id}`)).join() === "HEALTHY,ERROR" || null);
    expect(await secretValue()).toBe("first");
    expect(await service(id)).toMatchObject({ status: "HEALTHY" });
  });

  it("are gone with their service, and nothing answers in the origin's name", async () => {
    const { service: id } = await deployed();
    await ok("DELETE", `/v1/services/${id}`);
    await until(async () => (await call("GET", `/v1/services/${id}`)).status === 404 || null);
    const response = await fetch(url);
    expect([response.status, response.headers.get("x-mcpist-origin")]).toEqual([404, null]);
    expect(await statuses(`service_id=${id}`)).toEqual(["STOPPED"]);
  });
});
