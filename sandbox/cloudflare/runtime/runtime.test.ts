import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WorkerEvent } from "./host.ts";
import { secret, startKit, VERSION_BINDING, workerSource, type Kit, type UploadOptions } from "../test-kit.ts";

let kit: Kit;
const events: WorkerEvent[] = [];
beforeAll(async () => {
  kit = await startKit();
  kit.cloudflare.onEvent((event) => events.push(event));
});
afterAll(() => kit.cloudflare.close());

const OBJECTS: UploadOptions = {
  bindings: [VERSION_BINDING, { name: "COUNTER", type: "durable_object_namespace", class_name: "Counter" }],
  metadata: { migrations: { new_tag: "v1", new_sqlite_classes: ["Counter"] } },
};
const override = (worker: string, version: string) => ({ headers: { "cloudflare-workers-version-overrides": `${worker}="${version}"` } });
const text = async (worker: string, path: string, init?: RequestInit) => (await kit.ask(worker, path, init)).text();

/** Asks from one of the addresses 127.0.1.x, which choose the edge. */
async function askFrom(worker: string, address: string): Promise<{ readonly version: string; readonly colo: string }> {
  const [response] = (await once(get(await kit.cloudflare.gatewayUrlOf(worker), { localAddress: address, agent: false }), "response")) as [
    IncomingMessage,
  ];
  const chunks = await response.toArray();
  return JSON.parse(Buffer.concat(chunks).toString()) as { version: string; colo: string };
}
/** Uploads the latest version once more with another secret, without deploying it. */
async function stage(worker: string, value: string): Promise<string> {
  const patch = { env: { SECRET: { type: "secret_text", text: value } } };
  return (await kit.call<{ id: string }>("PATCH", `workers/workers/${worker}/versions/latest`, patch)).result.id;
}
async function deploy(worker: string, shares: Record<string, number>): Promise<void> {
  const versions = Object.entries(shares).map(([version_id, percentage]) => ({ version_id, percentage }));
  const answer = await kit.call("POST", `workers/scripts/${worker}/deployments`, { strategy: "percentage", versions });
  expect(answer.status, answer.message).toBe(200);
}
const running = (worker: string) => kit.cloudflare.workers().find(({ name }) => name === worker)?.running ?? [];
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

describe("a deployment", () => {
  it("reaches the edges one after another: for a while old and new versions answer side by side", async () => {
    const first = await kit.put("lag", { bindings: [VERSION_BINDING, secret("one")] });
    const second = await stage("lag", "two");
    kit.context.timings = { ...kit.context.timings, edgeLagMs: 1200 };
    await deploy("lag", { [second]: 100 });
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
    const second = await stage("split", "two");
    await deploy("split", { [first]: 50, [second]: 50 });
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
    await deploy("drain", { [await stage("drain", "two")]: 100 });
    await kit.settled("drain");
    await until(() => running("drain").some(({ draining }) => draining));
    expect(new TextDecoder().decode((await reader.read()).value)).toContain("data:");
    expect(running("drain")).toContainEqual({ versionId: first, inFlight: 1, draining: true });
    await reader.cancel();
    await until(() => events.some((event) => event.kind === "ended" && event.versionId === first));
    expect(running("drain").map(({ versionId }) => versionId)).not.toContain(first);
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
      await deploy("load", { [await stage("load", value)]: 100 });
      await kit.settled("load");
    }
    over.abort();
    await clients;
    expect(statuses.length).toBeGreaterThan(20);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});

describe("the public side", () => {
  it("streams a request body and its answer at the same time", async () => {
    await kit.put("echo", { bindings: [] });
    const url = new URL("/echo", await kit.cloudflare.gatewayUrlOf("echo"));
    const sent = new TransformStream<Uint8Array, Uint8Array>();
    const writer = sent.writable.getWriter();
    const answer = fetch(url, { method: "POST", body: sent.readable, duplex: "half" });
    await writer.write(new TextEncoder().encode("first"));
    const reader = (await answer).body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("first");
    await writer.write(new TextEncoder().encode("second"));
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("second");
    await writer.close();
    expect((await reader.read()).done).toBe(true);
  });

  it("ends the request inside the Worker when the client leaves", async () => {
    // workerd notices that a client has left when it has something to send.
    const origin = createServer((_, outgoing) => {
      const ticks = setInterval(() => outgoing.write("data: tick\n\n"), 20);
      outgoing.once("close", () => {
        clearInterval(ticks);
        origin.emit("left");
      });
    }).listen(0, "127.0.0.1");
    await once(origin, "listening");
    const address = `http://127.0.0.1:${(origin.address() as AddressInfo).port}/`;
    await kit.put("leave", {
      source: `export default { fetch(request) { return fetch(${JSON.stringify(address)}, { signal: request.signal }); } }`,
    });
    const controller = new AbortController();
    const response = await kit.ask("leave", "/", { signal: controller.signal });
    await response.body!.getReader().read();
    const left = once(origin, "left");
    controller.abort();
    await left;
    await until(() => running("leave").every(({ inFlight }) => inFlight === 0));
    expect(running("leave")).toHaveLength(1);
    origin.close();
    origin.closeAllConnections();
  });

  it("hides what only the edge may say from the Worker, and keeps doubled headers", async () => {
    await kit.put("headers", { source: `export default { fetch: (request) => Response.json([...request.headers]) }` });
    const url = await kit.cloudflare.gatewayUrlOf("headers");
    const headers = [
      "x-doubled",
      "a",
      "x-doubled",
      "b",
      "cf-connecting-ip",
      "203.0.113.9",
      "cf-ray",
      "x",
      "mf-route-override",
      "x",
      "x-forwarded-for",
      "203.0.113.9",
    ];
    const [response] = (await once(get(url, { headers: ["host", new URL(url).host, ...headers] }), "response")) as [IncomingMessage];
    const seen = new Map(JSON.parse(Buffer.concat(await response.toArray()).toString()) as [string, string][]);
    expect(seen.get("x-doubled")).toBe("a, b");
    expect(seen.get("cf-connecting-ip")).toBe("127.0.0.1");
    expect(seen.get("x-forwarded-for")).toBe("127.0.0.1");
    expect(seen.get("cf-ray")).toMatch(/^[0-9a-f]{16}-SB[A-D]$/);
    expect([...seen.keys()].filter((name) => name.startsWith("mf-"))).toEqual([]);
  });

  it("carries out faults before and after the Worker has seen the request", async () => {
    await kit.put("faults", { bindings: [{ name: "KV", type: "kv_namespace", namespace_id: await namespaceId("faults") }] });
    const { faults } = kit.context;
    faults.add({
      vendor: "gateway",
      path: "^/one",
      times: 1,
      effect: { kind: "status", when: "before", status: 503, retryAfterSeconds: 2 },
    });
    const refused = await kit.ask("faults", "/one");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "2"]);
    faults.add({ vendor: "gateway", method: "PUT", times: 1, effect: { kind: "reset", when: "lost" } });
    await expect(kit.ask("faults", "/kv", { method: "PUT", body: "written" })).rejects.toThrow();
    expect(JSON.parse(await text("faults", "/kv"))).toMatchObject({ value: "written" });
    faults.clear();
  });
});

async function namespaceId(title: string): Promise<string> {
  return (await kit.call<{ id: string }>("POST", "storage/kv/namespaces", { title })).result.id;
}

describe("what versions share", () => {
  it("is one KV, for the API as well", async () => {
    const id = await namespaceId("shared");
    const first = await kit.put("kv", { bindings: [secret("1"), { name: "KV", type: "kv_namespace", namespace_id: id }] });
    await kit.ask("kv", "/kv", { method: "PUT", body: "from the Worker" });
    expect((await kit.call("GET", `storage/kv/namespaces/${id}/values/key`)).text).toBe("from the Worker");
    await deploy("kv", { [await stage("kv", "2")]: 100, [first]: 0 });
    await kit.settled("kv");
    const seen = { value: "from the Worker", metadata: { by: "worker" } };
    expect(JSON.parse(await text("kv", "/kv"))).toEqual(seen);
    expect(JSON.parse(await text("kv", "/kv", override("kv", first)))).toEqual(seen);
  });

  it("are the same Durable Objects, in the code that most requests meet", async () => {
    const first = await kit.put("objects", { ...OBJECTS, bindings: [...OBJECTS.bindings!, secret("1")] });
    expect(await text("objects", "/count")).toBe("1");
    const second = await stage("objects", "2");
    await deploy("objects", { [first]: 100, [second]: 0 });
    await kit.settled("objects");
    expect(await text("objects", "/count", override("objects", second))).toBe("2");
    expect(await text("objects", "/count")).toBe("3");

    // New code restarts the objects: their memory is gone, and no call fails meanwhile.
    await kit.put("objects", { ...OBJECTS, metadata: {}, source: workerSource("two") });
    const counts: string[] = [];
    do counts.push(await text("objects", "/count"));
    while (counts.at(-1) !== "1");
    expect(counts.every((count) => /^\d+$/.test(count))).toBe(true);
  });
});

describe("a schedule", () => {
  it("runs the scheduled handler of the deployed version", async () => {
    await kit.put("cron", { bindings: [] });
    expect((await kit.call("PUT", "workers/scripts/cron/schedules", [{ cron: "*/5 * * * *" }])).status).toBe(200);
    const line = new Promise<string>((resolve) => {
      kit.cloudflare.onWorkerLine((worker, said) => worker === "cron" && resolve(said));
    });
    await kit.cloudflare.runScheduled();
    expect(await line).toContain("ran */5 * * * *");
  });
});
