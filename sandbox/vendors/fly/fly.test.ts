import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ask, type Call, caller, FAKE_ORIGIN, fastContext, type Json, TOKENS, until } from "../../test/harness.ts";
import { type Fly, startFly } from "./fly.ts";

const APP = "mcpist-origin";
const NONCE = "fly-machine-lease-nonce";
const FORCE = "fly-force-instance-id";

let fly: Fly;
let url: string;
let call: Call;
let lines: string[];

beforeEach(async () => {
  lines = [];
  fly = await startFly(fastContext({ lines }), { program: FAKE_ORIGIN });
  url = await fly.edgeUrl(APP);
  call = caller(() => `${fly.url}/v1`, TOKENS.fly);
  await call("POST", "/apps", { app_name: APP, org_slug: "personal" });
  await call("POST", `/apps/${APP}/ip_assignments`, { type: "shared_v4" });
});
afterEach(() => fly.close());

const service = (extra: Json = {}): Json => ({
  internal_port: 8080,
  protocol: "tcp",
  autostart: true,
  ports: [{ port: 443, handlers: ["tls", "http"] }],
  ...extra,
});
const config = (extra: Json = {}): Json => ({
  image: "sandbox.local/origin:dev",
  metadata: { fly_platform_version: "v2", fly_process_group: "app" },
  services: [service()],
  checks: { health: { type: "http", port: 8080, path: "/health" } },
  ...extra,
});
const machines = `/apps/${APP}/machines`;
const put = async (value: string): Promise<number> =>
  (await call("POST", `/apps/${APP}/secrets`, { values: { GATEWAY_SECRET_A: value } })).json["version"];
const look = async (id: string): Promise<Json> => (await call("GET", `${machines}/${id}`)).json;
const wait = (machine: Json, state: string, timeout = 10) =>
  call(
    "GET",
    `${machines}/${machine["id"]}/wait?instance_id=${machine["instance_id"]}&state=${state}&timeout=${timeout}`,
  );
const act = (machine: Json, action: string) => call("POST", `${machines}/${machine["id"]}/${action}`);
const update = (machine: Json, extra: Json = {}, headers = {}) =>
  call("POST", `${machines}/${machine["id"]}`, { config: machine["config"], region: "nrt", ...extra }, headers);
const passing = (id: string) =>
  until(async () => ((await look(id))["checks"] as Json[]).every((check) => check["status"] === "passing") || null);
async function created(extra: Json = {}): Promise<Json> {
  const { status, json } = await call("POST", machines, { region: "nrt", config: config(extra) });
  expect(status).toBe(200);
  return json;
}
async function launched(extra: Json = {}): Promise<Json> {
  const machine = await created(extra);
  expect(await wait(machine, "started")).toMatchObject({ status: 200, json: { ok: true } });
  await passing(machine["id"]);
  return machine;
}
async function stopped(machine: Json): Promise<void> {
  expect((await act(machine, "stop")).status).toBe(200);
  expect((await wait(machine, "stopped")).status).toBe(200);
}
const secretAt = async (machine: Json): Promise<string> =>
  (await ask(url, { [FORCE]: machine["id"] }))["environment"]["GATEWAY_SECRET_A"];

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

  it("takes new secrets on update, under its lease and with a new version id, and a restart is not enough", async () => {
    await put("first");
    const machine = await launched();
    const version = await put("second");
    await act(machine, "restart");
    await until(
      async () =>
        (await look(machine["id"]))["events"].filter((event: Json) => event["type"] === "start").length === 2 || null,
    );
    expect(await secretAt(machine)).toBe("first");
    const { json: lease } = await call("POST", `${machines}/${machine["id"]}/lease?ttl=30`);
    const { json: updated } = await update(
      machine,
      { min_secrets_version: version },
      { [NONCE]: lease["data"]["nonce"] },
    );
    expect(updated["instance_id"]).not.toBe(machine["instance_id"]);
    expect((await wait(updated, "started")).status).toBe(200);
    expect(await secretAt(machine)).toBe("second");
  });

  it("is not started by an update while it is stopped; its next start reads the new secrets", async () => {
    await put("first");
    const machine = await launched();
    await stopped(machine);
    await put("second");
    const { json: updated } = await update(machine);
    expect(updated).toMatchObject({ state: "stopped" });
    expect((await wait(updated, "stopped")).status).toBe(200);
    expect(await secretAt(machine)).toBe("second");
    expect(await look(machine["id"])).toMatchObject({ state: "started", instance_id: updated["instance_id"] });
  });

  it("keeps its memory when it is suspended, even through an update that changes nothing", async () => {
    await put("first");
    const machine = await launched();
    await act(machine, "suspend");
    expect((await wait(machine, "suspended")).status).toBe(200);
    await put("second");
    const { json: updated } = await update(machine);
    expect(updated).toMatchObject({ state: "suspended" });
    expect((await ask(url, { [FORCE]: machine["id"] }))["environment"]).toMatchObject({
      GATEWAY_SECRET_A: "first",
      FLY_MACHINE_VERSION: machine["instance_id"],
    });
    await act(machine, "suspend");
    await wait(updated, "suspended");
    await stopped(updated);
    expect(await secretAt(machine)).toBe("second");
  });

  it("loses its snapshot to an update that changes its configuration", async () => {
    const machine = await launched();
    await act(machine, "suspend");
    await wait(machine, "suspended");
    const { json: updated } = await update(machine, { config: config({ env: { ORIGIN_NAME: "fly" } }) });
    expect(updated).toMatchObject({ state: "stopped" });
    expect((await ask(url))["environment"]).toMatchObject({ ORIGIN_NAME: "fly" });
  });

  it("reads old secrets on a stale host, unless the update names the version it needs", async () => {
    await put("first");
    const machine = await launched();
    fly.staleHosts(APP, true);
    const version = await put("second");
    const { json: stale } = await update(machine);
    await wait(stale, "started");
    expect(await secretAt(machine)).toBe("first");
    const { json: fresh } = await update(machine, { min_secrets_version: version });
    await wait(fresh, "started");
    expect(await secretAt(machine)).toBe("second");
  });

  it("never starts when it needs a secrets version that nobody wrote", async () => {
    const machine = await launched();
    const { json: updated } = await update(machine, { min_secrets_version: 99 });
    await until(async () => (await look(machine["id"]))["state"] === "failed" || null);
    expect((await wait(updated, "started", 1)).status).toBe(408);
  });

  it("is restarted with what it knew when its process ends, and stopped when that does not help", async () => {
    await put("first");
    const machine = await launched();
    await put("second");
    await fetch(`${url}/end`);
    await until(
      async () =>
        ((await look(machine["id"]))["events"] as Json[]).filter((event) => event["type"] === "start").length === 2 ||
        null,
    );
    expect(await secretAt(machine)).toBe("first");
    const broken = await created({ env: { BEHAVE: "refuse" } });
    await until(async () => (await look(broken["id"]))["state"] === "stopped" || null);
    const exits = ((await look(broken["id"]))["events"] as Json[]).filter((event) => event["type"] === "exit");
    expect(exits.length).toBeGreaterThan(1);
  });

  it("stays stopped as a standby, also through an update", async () => {
    const watched = await launched();
    const standby = await created({ services: [], standbys: [watched["id"]] });
    expect(await look(standby["id"])).toMatchObject({ state: "stopped" });
    const { json: updated } = await update(standby);
    expect(updated).toMatchObject({ state: "stopped" });
    expect((await ask(url, { [FORCE]: standby["id"] }))["status"]).toBe(404);
  });

  it("is listed and updated like any other when it is loose", async () => {
    const loose = await launched({ metadata: {} });
    expect((await call("GET", machines)).json).toMatchObject([{ id: loose["id"], config: { metadata: {} } }]);
    expect((await call("GET", `${machines}?metadata.fly_platform_version=v2`)).json).toEqual([]);
    expect((await update(loose)).status).toBe(200);
  });

  it("is destroyed only when it is stopped or force is used", async () => {
    const machine = await launched();
    expect((await call("DELETE", `${machines}/${machine["id"]}`)).status).toBe(412);
    expect((await call("DELETE", `${machines}/${machine["id"]}?force=true`)).status).toBe(200);
    expect((await wait(machine, "destroyed")).status).toBe(200);
    expect((await call("GET", machines)).json).toEqual([]);
    expect((await ask(url))["status"]).toBe(503);
  });
});

describe("the proxy", () => {
  it("loses no request while Machines are updated one after the other", async () => {
    await put("first");
    const both = await Promise.all([launched(), launched()]);
    await put("second");
    const over = new AbortController();
    const statuses = new Set<number>();
    const traffic = Array.from({ length: 4 }, async () => {
      while (!over.signal.aborted) statuses.add((await ask(url))["status"]);
    });
    for (const machine of both) {
      const { json: updated } = await update(machine);
      await wait(updated, "started");
      await passing(machine["id"]);
    }
    over.abort();
    await Promise.all(traffic);
    expect([...statuses]).toEqual([200]);
    expect(await Promise.all(both.map(secretAt))).toEqual(["second", "second"]);
  });

  it("starts a stopped Machine for a request, with staged secrets, and only where the service says autostart", async () => {
    await put("first");
    const machine = await launched();
    await stopped(machine);
    await put("staged");
    expect((await ask(url))["environment"]["GATEWAY_SECRET_A"]).toBe("staged");
    const { json: still } = await update(machine, { config: config({ services: [service({ autostart: false })] }) });
    await wait(still, "started");
    await stopped(still);
    expect(await ask(url)).toMatchObject({ status: 503 });
    expect(await ask(url, { [FORCE]: machine["id"] })).toMatchObject({ status: 503 });
    expect(await look(machine["id"])).toMatchObject({ state: "stopped" });
  });

  it("asks the one Machine that the request names, wakes it, and lets nobody else answer", async () => {
    const [one, two] = await Promise.all([launched(), launched()]);
    await stopped(one);
    expect((await ask(url, { [FORCE]: one["id"] }))["environment"]["FLY_MACHINE_ID"]).toBe(one["id"]);
    expect((await ask(url, { [FORCE]: two["id"] }))["environment"]["FLY_MACHINE_ID"]).toBe(two["id"]);
    const unknown = await fetch(url, { headers: { [FORCE]: "00000000000000" } });
    expect([unknown.status, unknown.headers.get("x-mcpist-origin")]).toEqual([404, null]);
  });

  it("sends nothing to a Machine whose check fails, or that is cordoned", async () => {
    const sick = await created({ env: { BEHAVE: "unhealthy" } });
    await wait(sick, "started");
    expect(await ask(url)).toMatchObject({ status: 503 });
    const well = await launched();
    expect((await ask(url))["environment"]["FLY_MACHINE_ID"]).toBe(well["id"]);
    await act(well, "cordon");
    expect(await ask(url)).toMatchObject({ status: 503 });
  });

  it("answers for itself while an app has no Machine, no address, or does not exist", async () => {
    expect(await ask(url)).toMatchObject({ status: 503 });
    await launched();
    const [{ ip }] = (await call("GET", `/apps/${APP}/ip_assignments`)).json["ips"] as [Json];
    await call("DELETE", `/apps/${APP}/ip_assignments/${ip}`);
    expect(await ask(url)).toMatchObject({ status: 502 });
    expect(await ask(await fly.edgeUrl("nobody"))).toMatchObject({ status: 404 });
  });
});

it("closing ends every process, awake and suspended, and tells the operator nothing", async () => {
  const [one, two] = await Promise.all([launched(), launched()]);
  const pids = await Promise.all(
    [one, two].map(async (machine) => (await ask(url, { [FORCE]: machine["id"] }))["pid"] as number),
  );
  await act(two, "suspend");
  await wait(two, "suspended");
  await fly.close();
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  expect(lines).toEqual([]);
  fly = await startFly(fastContext(), { program: FAKE_ORIGIN });
});
