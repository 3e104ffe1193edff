import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { secret, startKit, until, VERSION_BINDING, type Kit } from "../test/emulator.ts";
import type { WorkerEvent } from "./host.ts";

let kit: Kit;
const events: WorkerEvent[] = [];
beforeAll(async () => {
  kit = await startKit();
  kit.cloudflare.onEvent((event) => events.push(event));
});
afterAll(() => kit.cloudflare.close());

/** Asks from one of the addresses 127.0.1.x, which choose the edge. */
async function askFrom(worker: string, address: string): Promise<{ readonly version: string; readonly colo: string }> {
  const request = get(await kit.cloudflare.gatewayUrlOf(worker), { localAddress: address, agent: false });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return JSON.parse(Buffer.concat(await response.toArray()).toString()) as { version: string; colo: string };
}

describe("a deployment", () => {
  it("reaches the edges one after another: for a while old and new versions answer side by side", async () => {
    const first = await kit.put("lag", { bindings: [VERSION_BINDING, secret("one")] });
    const second = await kit.stage("lag", "two");
    kit.context.timings = { ...kit.context.timings, edgeLagMs: 1200 };
    await kit.deploy("lag", { [second]: 100 });
    kit.context.timings = { ...kit.context.timings, edgeLagMs: 0 };
    const switched = () =>
      events.filter((event) => event.kind === "edge" && event.worker === "lag" && event.deployment.number === 2).length;
    await until(() => switched() === 2);
    const seen = await Promise.all([0, 1, 2, 3].map((last) => askFrom("lag", `127.0.1.${last}`)));
    expect(new Set(seen.map(({ colo }) => colo)).size).toBe(4);
    expect(new Set(seen.map(({ version }) => version))).toEqual(new Set([first, second]));
    await kit.settled("lag");
    const settled = await Promise.all([0, 1, 2, 3].map((last) => askFrom("lag", `127.0.1.${last}`)));
    expect(new Set(settled.map(({ version }) => version))).toEqual(new Set([second]));
  });

  it("splits requests by percentage and keeps one version key on one version", async () => {
    const first = await kit.put("split", { bindings: [VERSION_BINDING, secret("one")] });
    const second = await kit.stage("split", "two");
    await kit.deploy("split", { [first]: 50, [second]: 50 });
    await kit.settled("split");
    const versionFor = async (key: string) => {
      const response = await kit.ask("split", "/", { headers: { "cloudflare-workers-version-key": key } });
      return ((await response.json()) as { version: string }).version;
    };
    const keys = Array.from({ length: 20 }, (_, index) => `user-${index}`);
    const once = await Promise.all(keys.map(versionFor));
    expect(new Set(once)).toEqual(new Set([first, second]));
    expect(await Promise.all(keys.map(versionFor))).toEqual(once);
  });

  it("lets an old version finish its stream before it ends", async () => {
    const first = await kit.put("drain", { bindings: [secret("one")] });
    const stream = await kit.ask("drain", "/ticks");
    const reader = stream.body!.getReader();
    await reader.read();
    await kit.deploy("drain", { [await kit.stage("drain", "two")]: 100 });
    await kit.settled("drain");
    await until(() => kit.running("drain").some(({ draining }) => draining));
    expect(new TextDecoder().decode((await reader.read()).value)).toContain("data:");
    expect(kit.running("drain")).toContainEqual({ versionId: first, inFlight: 1, draining: true });
    await reader.cancel();
    await until(() => events.some((event) => event.kind === "ended" && event.versionId === first));
    expect(kit.running("drain").map(({ versionId }) => versionId)).not.toContain(first);
  });

  it("loses no request while versions change under load", async () => {
    await kit.put("load", { bindings: [secret("0")] });
    const statuses: number[] = [];
    const over = new AbortController();
    const client = async () => {
      while (!over.signal.aborted) {
        const response = await kit.ask("load", "/echo", { method: "POST", body: "ping" }).catch(() => null);
        statuses.push(response && (await response.text()) === "ping" ? response.status : 0);
      }
    };
    const clients = Promise.all([client(), client(), client(), client()]);
    for (const value of ["1", "2", "3"]) {
      await kit.deploy("load", { [await kit.stage("load", value)]: 100 });
      await kit.settled("load");
    }
    over.abort();
    await clients;
    expect(statuses.length).toBeGreaterThan(20);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});
