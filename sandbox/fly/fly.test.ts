import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ask, type Call, caller, FAKE_ORIGIN, fastContext, type Json, TOKENS, until } from "../testing/harness.ts";
import { type Fly, startFly } from "./fly.ts";

const APP = "mcpist-origin";
const NONCE = "fly-machine-lease-nonce";
const FORCE = "fly-force-instance-id";

let fly: Fly;
let url: string;
let call: Call;

beforeEach(async () => {
  fly = await startFly(fastContext(), { program: FAKE_ORIGIN });
  url = await fly.edgeUrl(APP);
  call = caller(() => `${fly.url}/v1`, TOKENS.fly);
  await call("POST", "/apps", { app_name: APP, org_slug: "personal" });
  await call("POST", `/apps/${APP}/ip_assignments`, { type: "shared_v4" });
});
afterEach(() => fly.close());

const config = (extra: Json = {}): Json => ({
  image: "sandbox.local/origin:dev",
  metadata: { fly_platform_version: "v2", fly_process_group: "app" },
  services: [{ internal_port: 8080, protocol: "tcp", autostart: true, ports: [{ port: 443, handlers: ["tls", "http"] }] }],
  checks: { health: { type: "http", port: 8080, path: "/health" } },
  ...extra,
});
const put = async (value: string): Promise<number> =>
  (await call("POST", `/apps/${APP}/secrets`, { values: { GATEWAY_SECRET_A: value } })).json["version"];
const look = async (id: string): Promise<Json> => (await call("GET", `/apps/${APP}/machines/${id}`)).json;
const wait = (machine: Json, state: string, timeout = 10) =>
  call("GET", `/apps/${APP}/machines/${machine["id"]}/wait?instance_id=${machine["instance_id"]}&state=${state}&timeout=${timeout}`);
const act = (machine: Json, action: string) => call("POST", `/apps/${APP}/machines/${machine["id"]}/${action}`);
async function launched(extra: Json = {}): Promise<Json> {
  const { status, json: machine } = await call("POST", `/apps/${APP}/machines`, { region: "nrt", config: config(extra) });
  expect(status).toBe(200);
  expect((await wait(machine, "started")).json).toEqual({ ok: true });
  await until(async () => ((await look(machine["id"]))["checks"] as Json[]).every((check) => check["status"] === "passing"));
  return machine;
}
const secretAt = async (machine: Json): Promise<string> => (await ask(url, { [FORCE]: machine["id"] }))["environment"]["GATEWAY_SECRET_A"];

describe("a Machine", () => {
  it("boots with the app's secrets and knows who it is", async () => {
    await put("first");
    const machine = await launched();
    const { environment } = await ask(url);
    expect(environment).toMatchObject({
      GATEWAY_SECRET_A: "first",
      FLY_APP_NAME: APP,
      FLY_MACHINE_ID: machine["id"],
      FLY_MACHINE_VERSION: machine["instance_id"],
      FLY_REGION: "nrt",
    });
  });

  it("takes new secrets on update, not before, and gets a new version id", async () => {
    await put("first");
    const machine = await launched();
    const version = await put("second");
    expect(await secretAt(machine)).toBe("first");
    const { json: lease } = await call("POST", `/apps/${APP}/machines/${machine["id"]}/lease?ttl=30`);
    const body = { config: machine["config"], region: "nrt", min_secrets_version: version };
    const refused = await call("POST", `/apps/${APP}/machines/${machine["id"]}`, body);
    expect(refused.status).toBe(409);
    const { json: updated } = await call("POST", `/apps/${APP}/machines/${machine["id"]}`, body, { [NONCE]: lease["data"]["nonce"] });
    expect(updated["instance_id"]).not.toBe(machine["instance_id"]);
    expect((await wait(updated, "started")).status).toBe(200);
    expect(await secretAt(machine)).toBe("second");
  });

  it("keeps its memory when it is suspended, and reads new secrets on a cold start", async () => {
    await put("first");
    const machine = await launched();
    await act(machine, "suspend");
    expect((await wait(machine, "suspended")).status).toBe(200);
    await put("second");
    expect(await secretAt(machine)).toBe("first");
    await act(machine, "stop");
    expect((await wait(machine, "stopped")).status).toBe(200);
    expect(await secretAt(machine)).toBe("second");
  });
});
