import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startFly, type Fly } from "../../sandbox/vendors/fly/fly.ts";
import { caller, FAKE_ORIGIN, fastContext, TOKENS, type Call, type Json } from "../../sandbox/test/harness.ts";
import type { VendorContext } from "../../sandbox/vendors/vendor.ts";
import { testContext, urlOf } from "../test/test-context.ts";
import { flyApi } from "./fly-api.ts";
import { updateMachine } from "./fly-machine.ts";

const APP = "mcpist-origin";
const DIGESTS = "d1.d2";
const STOP = { signal: "SIGTERM", timeout: "65s" };
const CONFIG = {
  image: "sandbox.local/origin:dev",
  env: { RELEASE: "1" },
  metadata: { fly_process_group: "app" },
  services: [{ internal_port: 8080, autostart: true }],
  stop_config: STOP,
};

let fly: Fly;
let vendor: VendorContext;
let call: Call;
let id: string;
beforeAll(async () => {
  vendor = fastContext();
  fly = await startFly(vendor, { program: FAKE_ORIGIN });
  call = caller(() => `${fly.url}/v1/apps`, TOKENS.fly);
  await call("POST", "", { app_name: APP, org_slug: "personal" });
});
afterAll(() => fly.close());
beforeEach(async () => {
  vendor.faults.clear();
  id = (await call("POST", `/${APP}/machines`, { region: "nrt", config: CONFIG })).json["id"] as string;
  await call("GET", `/${APP}/machines/${id}/wait?state=started&timeout=30`);
});

const machine = async (): Promise<Json> => (await call("GET", `/${APP}/machines/${id}`)).json;
/** Somebody deploys: another image and another variable. */
const deploy = async (headers: Readonly<Record<string, string>> = {}): Promise<void> => {
  const { status } = await call(
    "POST",
    `/${APP}/machines/${id}`,
    { config: { ...CONFIG, image: "sandbox.local/origin:v2", env: { RELEASE: "2" } } },
    headers,
  );
  expect(status).toBe(200);
};
const update = (options: { guard?: () => Promise<void>; onSleep?: (ms: number) => void } = {}) => {
  const { guard = () => Promise.resolve(), ...rest } = options;
  const context = testContext({ fetch, ...rest });
  const api = flyApi(context, { baseUrl: fly.url, token: TOKENS.fly });
  return updateMachine({ context, api, app: APP, name: "fly", version: null }, { id }, DIGESTS, guard);
};
/** What it deployed, and the mark. */
const deployed = {
  ...CONFIG,
  image: "sandbox.local/origin:v2",
  env: { RELEASE: "2" },
  metadata: { fly_process_group: "app", mcpist_slots: DIGESTS },
};

describe("an update of a Fly Machine", () => {
  it("changes its mark and nothing else", async () => {
    const before = await machine();
    await update();
    const after = await machine();
    expect(after["config"]).toEqual({ ...CONFIG, metadata: { ...CONFIG.metadata, mcpist_slots: DIGESTS } });
    expect(after["instance_id"]).not.toBe(before["instance_id"]);
    for (const key of ["name", "region", "cordoned", "state"]) expect(after[key]).toEqual(before[key]);
  });

  it("keeps what a deploy changed that held the lease before", async () => {
    const { json } = await call("POST", `/${APP}/machines/${id}/lease`, { ttl: 60 });
    const headers = { "fly-machine-lease-nonce": (json["data"] as Json)["nonce"] as string };
    let released: Promise<unknown> | null = null;
    await update({
      onSleep: () => {
        released ??= deploy(headers).then(() => call("DELETE", `/${APP}/machines/${id}/lease`, undefined, headers));
      },
    });
    expect((await machine())["config"]).toEqual(deployed);
  });

  it("keeps what somebody changed between its look and its write", async () => {
    let looks = 0;
    const real = fetch;
    const context = testContext({
      fetch: async (input, init) => {
        const answer = await real(input, init);
        // Whoever goes round the lease: here by borrowing its nonce, which is what `--force` of a client amounts to.
        if (init?.method === "GET" && ++looks === 1) await deploy({ "fly-machine-lease-nonce": lease });
        if (urlOf(input).includes("/lease?") && init?.method === "POST")
          lease = ((await answer.clone().json()) as { data: { nonce: string } }).data.nonce;
        return answer;
      },
    });
    let lease = "";
    const api = flyApi(context, { baseUrl: fly.url, token: TOKENS.fly });
    await updateMachine({ context, api, app: APP, name: "fly", version: null }, { id }, DIGESTS, () =>
      Promise.resolve(),
    );
    expect((await machine())["config"]).toEqual(deployed);
  });

  it("is made once when only its answer was lost", async () => {
    const versions = new Set<unknown>([(await machine())["instance_id"]]);
    const path = `/machines/${id}$`;
    vendor.faults.add({ vendor: "fly", method: "POST", path, times: 1, effect: { kind: "reset", when: "lost" } });
    await update();
    const events = (await machine())["events"] as { type: string }[];
    expect(events.filter(({ type }) => type === "update")).toHaveLength(1);
    expect(versions.has((await machine())["instance_id"])).toBe(false);
  });

  it.each(["lost", "before"] as const)(
    "goes on where the answer to its lease is an error or lost: %s",
    async (when) => {
      const path = `/machines/${id}/lease`;
      vendor.faults.add({ vendor: "fly", method: "POST", path, times: 1, effect: { kind: "reset", when } });
      await update();
      expect((await machine())["config"]).toMatchObject({ metadata: { mcpist_slots: DIGESTS } });
      expect((await call("GET", `/${APP}/machines/${id}/lease`)).status).toBe(404);
    },
  );

  it("leaves a Machine that is stopped stopped", async () => {
    await call("POST", `/${APP}/machines/${id}/stop`);
    const { instance_id } = await machine();
    await call("GET", `/${APP}/machines/${id}/wait?state=stopped&instance_id=${String(instance_id)}&timeout=30`);
    await update();
    expect(await machine()).toMatchObject({ state: "stopped", config: { metadata: { mcpist_slots: DIGESTS } } });
  });

  it("has nothing to do where the Machine is destroyed meanwhile", async () => {
    await update({ guard: async () => void (await call("DELETE", `/${APP}/machines/${id}?force=true`)) });
    expect((await machine())["state"]).toMatch(/destroy/);
  });
});
