import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { VendorContext } from "../vendor.ts";
import { ask, type Call, caller, FAKE_ORIGIN, fastContext, type Json, TOKENS, until } from "../testing/harness.ts";
import { type Koyeb, startKoyeb } from "./koyeb.ts";

let koyeb: Koyeb;
let context: VendorContext;
let lines: string[];
let call: Call;

beforeEach(async () => {
  lines = [];
  context = fastContext(lines);
  koyeb = await startKoyeb(context, { program: FAKE_ORIGIN });
  call = caller(() => koyeb.url, TOKENS.koyeb);
});
afterEach(() => koyeb.close());

const ok = async (method: string, path: string, body?: unknown): Promise<Json> => {
  const { status, json } = await call(method, path, body);
  expect({ status, json }).toMatchObject({ status: 200 });
  return json;
};
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
describe("a deployment", () => {
  it("gives instances the value that a secret had when it was made, and tells them who they are", async () => {
    const { service, url, secret } = await deployed();
    await ok("PATCH", `/v1/secrets/${secret["id"]}`, { ...secret, value: "second" });
    const { environment } = await ask(url);
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
    expect((await ask(url))["environment"]["GATEWAY_SECRET_A"]).toBe("second");
    expect(await deployment(service["latest_deployment_id"])).toMatchObject({ status: "STOPPED" });
  });
});
