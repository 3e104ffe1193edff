import { afterAll, beforeAll, expect, it } from "vitest";
import { describeClients } from "../../test/client.ts";
import { ask, type Call, caller, FAKE_ORIGIN, fastContext, type Json, TOKENS, until } from "../../test/harness.ts";
import type { VendorContext } from "../vendor.ts";
import { type Fly, startFly } from "./fly.ts";

const APP = "mcpist-origin";
/** As a user token of the vendor looks. A made-up macaroon (fm2_…) would be dropped by flyctl before the first call. */
const TOKEN = "fo1_c2FuZGJveC10b2tlbi1vZi1tY3Bpc3Q";

let fly: Fly;
let context: VendorContext;
let call: Call;
let url: string;

beforeAll(async () => {
  context = { ...fastContext(), tokens: { ...TOKENS, fly: TOKEN } };
  fly = await startFly(context, { program: FAKE_ORIGIN });
  call = caller(() => `${fly.url}/v1`, TOKEN);
  url = await fly.edgeUrl(APP);
  await call("POST", "/apps", { app_name: APP, org_slug: "personal" });
  await call("POST", `/apps/${APP}/ip_assignments`, { type: "shared_v4" });
  for (const metadata of [
    { fly_platform_version: "v2", fly_process_group: "app" },
    { fly_platform_version: "v2", fly_process_group: "app" },
    {},
  ])
    await call("POST", `/apps/${APP}/machines`, {
      config: {
        image: "sandbox.local/origin:dev",
        guest: { cpu_kind: "shared", cpus: 1, memory_mb: 256 },
        metadata,
        services: [
          { internal_port: 8080, protocol: "tcp", autostart: true, ports: [{ port: 443, handlers: ["tls", "http"] }] },
        ],
        checks: { health: { type: "http", port: 8080, path: "/health", interval: "15s" } },
      },
    });
  await until(async () => (await ask(url))["status"] === 200 || null);
});
afterAll(async () => {
  expect(context.faults.calls.filter(({ known }) => !known)).toEqual([]);
  await fly.close();
});

const secretsByMachine = async (): Promise<string[]> => {
  const machines = (await call("GET", `/apps/${APP}/machines`)).json as Json[];
  const answers = await Promise.all(machines.map(({ id }) => ask(url, { "fly-force-instance-id": id as string })));
  return answers.map((answer) => answer["environment"]["GATEWAY_SECRET_A"] as string);
};

const environment = () => ({
  FLY_API_TOKEN: TOKEN,
  FLY_FLAPS_BASE_URL: fly.url,
  FLY_API_BASE_URL: fly.url,
  FLY_UIEX_BASE_URL: fly.url,
  FLY_NO_UPDATE_CHECK: "1",
  FLY_SEND_METRICS: "0",
  CI: "1",
});
describeClients(["flyctl"], environment, (run) => {
  it("shows the app's status and its Machines", async () => {
    expect(await run(["status", "-a", APP])).toEqual({
      exitCode: 0,
      text: expect.stringContaining("1 total, 1 passing"),
    });
    expect(await run(["machines", "list", "-a", APP])).toEqual({
      exitCode: 0,
      text: expect.stringContaining("3 machines"),
    });
  });

  it("stages a secret from stdin, deploys it to the Machines it recognises, and skips a loose one", async () => {
    const staged = await run(["secrets", "import", "-a", APP, "--stage"], "# a comment\nGATEWAY_SECRET_A=second\n");
    expect(staged).toMatchObject({ exitCode: 0, text: expect.stringContaining("staged") });
    expect(await run(["secrets", "list", "-a", APP])).toMatchObject({ text: expect.stringContaining("Staged") });
    expect(await secretsByMachine()).toEqual([undefined, undefined, undefined]);
    const deployed = await run(["secrets", "deploy", "-a", APP, "--dns-checks=false"]);
    expect(deployed).toMatchObject({ exitCode: 0, text: expect.stringContaining("update succeeded") });
    expect(await secretsByMachine()).toEqual(["second", "second", undefined]);
    expect(await run(["secrets", "list", "-a", APP])).toMatchObject({ exitCode: 0 });
    // What it deployed is a release from now on, also where flyctl asks GraphQL for it.
    const releases = await run(["releases", "-a", APP, "--json"]);
    expect(JSON.parse(releases.text)).toMatchObject([{ Version: 1, Status: "complete" }]);
    expect(await run(["scale", "count", "2", "-a", APP, "--yes"])).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining("App already scaled to desired state"),
    });
  });

  it("lists the addresses and the secrets of an app", async () => {
    expect(await run(["ips", "list", "-a", APP])).toEqual({
      exitCode: 0,
      text: expect.stringContaining("198.51.100.1"),
    });
    expect(await run(["secrets", "list", "-a", APP])).toMatchObject({ exitCode: 0 });
  });

  it("updates a Machine, and destroys it as the emergency runbook says", async () => {
    const config = { image: "sandbox.local/origin:dev", guest: { cpu_kind: "shared", cpus: 1, memory_mb: 256 } };
    const made = await call("POST", `/apps/${APP}/machines`, { name: "by-hand", config, skip_launch: true });
    const id = made.json["id"] as string;
    const updated = await run([
      "machine",
      "update",
      id,
      "-a",
      APP,
      "--metadata",
      "by=hand",
      "--yes",
      "--skip-health-checks",
    ]);
    expect(updated).toMatchObject({ exitCode: 0 });
    expect(await run(["machine", "list", "--quiet", "-a", APP])).toMatchObject({ text: expect.stringContaining(id) });
    expect(await run(["machine", "destroy", "--force", id, "-a", APP])).toMatchObject({ exitCode: 0 });
    await until(async () => (await call("GET", `/apps/${APP}/machines/${id}`)).json["state"] === "destroyed" || null);
  });

  it("refuses an import without a pair", async () => {
    expect(await run(["secrets", "import", "-a", APP, "--stage"], "\n")).toMatchObject({ exitCode: 1 });
  });

  it("tells that an app does not exist", async () => {
    expect(await run(["status", "-a", "absent"])).toEqual({
      exitCode: 1,
      text: expect.stringContaining("Could not find App"),
    });
  });
});
