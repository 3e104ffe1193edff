import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Faults } from "../faults.ts";
import type { VendorContext } from "../vendor.ts";
import { type Koyeb, startKoyeb } from "./koyeb.ts";

const program = fileURLToPath(new URL("../testing/fake-origin.ts", import.meta.url));
const TOKEN = "koyeb-token";
type Json = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- wire answers are looked at field by field

let koyeb: Koyeb;
let context: VendorContext;
let lines: string[];

beforeEach(async () => {
  lines = [];
  context = {
    faults: new Faults(),
    timings: { koyebStepMs: 10, koyebDrainMs: 150, flyBootMs: 10, edgeLagMs: 0, githubLagMs: 0 },
    port: () => 0,
    log: (line) => lines.push(line),
    tokens: { github: "", cloudflare: "", koyeb: TOKEN, fly: "" },
  };
  koyeb = await startKoyeb(context, { program });
});
afterEach(() => koyeb.close());

async function call(method: string, path: string, body?: unknown, token = TOKEN): Promise<{ status: number; json: Json }> {
  const response = await fetch(koyeb.url + path, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as Json };
}
const ok = async (method: string, path: string, body?: unknown): Promise<Json> => {
  const { status, json } = await call(method, path, body);
  expect({ status, json }).toMatchObject({ status: 200 });
  return json;
};
async function until<T>(look: () => Promise<T | null | false | undefined>): Promise<T> {
  for (let i = 0; i < 500; i++) {
    const seen = await look();
    if (seen) return seen;
    await sleep(10);
  }
  throw new Error("waited in vain");
}
const deployment = async (id: string): Promise<Json> => (await ok("GET", `/v1/deployments/${id}`))["deployment"];
const reaches = (id: string, status: string) => until(async () => (await deployment(id))["status"] === status);
const instances = async (query: string): Promise<Json[]> => (await ok("GET", `/v1/instances?limit=100&${query}`))["instances"];

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
async function deployed(extra: Json = {}): Promise<{ app: Json; service: Json; secret: Json; url: string }> {
  const url = await koyeb.edgeUrl("mcpist", "origin");
  const { secret } = await ok("POST", "/v1/secrets", { name: "slot-a", type: "SIMPLE", value: "first" });
  const { app } = await ok("POST", "/v1/apps", { name: "mcpist" });
  const { service } = await ok("POST", "/v1/services", { app_id: app["id"], definition: definition(extra) });
  await reaches(service["latest_deployment_id"], "HEALTHY");
  return { app, service, secret, url };
}
const seen = async (url: string): Promise<Json> => (await (await fetch(url)).json()) as Json;

describe("a deployment", () => {
  it("gives instances the value that a secret had when it was made, and tells them who they are", async () => {
    const { service, url, secret } = await deployed();
    await ok("PATCH", `/v1/secrets/${secret["id"]}`, { ...secret, value: "second" });
    const { environment } = await seen(url);
    const [instance] = await instances(`service_id=${service["id"]}`);
    expect(environment).toMatchObject({
      GATEWAY_SECRET_A: "first",
      ORIGIN_NAME: "koyeb",
      KOYEB_INSTANCE_ID: instance?.["id"],
      KOYEB_REGIONAL_DEPLOYMENT_ID: instance?.["regional_deployment_id"],
    });
  });

  it("walks the vendor's list of statuses, and only then becomes the active one", async () => {
    const { service } = await deployed();
    const { deployment: next } = await ok("POST", `/v1/services/${service["id"]}/redeploy`, { skip_build: true });
    const walk = ["PENDING"];
    await until(async () => {
      const { active_deployment_id } = (await ok("GET", `/v1/services/${service["id"]}`))["service"];
      const { status } = await deployment(next["id"]);
      if (walk.at(-1) !== status) walk.push(status);
      if (active_deployment_id === next["id"]) expect(status).toBe("HEALTHY");
      return active_deployment_id === next["id"];
    });
    const order = ["PENDING", "PROVISIONING", "SCHEDULED", "ALLOCATING", "STARTING", "HEALTHY"];
    expect(order.filter((status) => walk.includes(status))).toEqual(walk);
    expect((await ok("GET", `/v1/services/${service["id"]}`))["service"]).toMatchObject({ active_deployment_id: next["id"] });
  });

  it("lets the old instance serve beside the new one while it drains, then stops it, without one failed request", async () => {
    const { service, url, secret } = await deployed();
    await ok("PATCH", `/v1/secrets/${secret["id"]}`, { value: "second" });
    const { deployment: next } = await ok("POST", `/v1/services/${service["id"]}/redeploy`, { skip_build: true });
    const values = new Set<string>();
    let both = false;
    await until(async () => {
      const response = await fetch(url);
      expect(response.status).toBe(200);
      values.add(((await response.json()) as Json)["environment"]["GATEWAY_SECRET_A"]);
      const old = await instances(`deployment_id=${service["latest_deployment_id"]}`);
      both ||= old[0]?.["status"] === "STOPPING" && (await deployment(next["id"]))["status"] === "HEALTHY" && values.size === 2;
      return old[0]?.["status"] === "STOPPED";
    });
    expect(both).toBe(true);
    expect((await seen(url))["environment"]["GATEWAY_SECRET_A"]).toBe("second");
    expect(await deployment(service["latest_deployment_id"])).toMatchObject({ status: "STOPPED" });
  });
});
