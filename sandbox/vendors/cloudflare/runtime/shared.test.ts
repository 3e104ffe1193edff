import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { secret, startKit, VERSION_BINDING, workerSource, type Kit, type UploadOptions } from "../test/emulator.ts";

let kit: Kit;
beforeAll(async () => {
  kit = await startKit();
});
afterAll(() => kit.cloudflare.close());

const OBJECTS: UploadOptions = {
  bindings: [VERSION_BINDING, { name: "COUNTER", type: "durable_object_namespace", class_name: "Counter" }],
  metadata: { migrations: { new_tag: "v1", new_sqlite_classes: ["Counter"] } },
};
const override = (worker: string, version: string) => ({
  headers: { "cloudflare-workers-version-overrides": `${worker}="${version}"` },
});

describe("what versions share", () => {
  it("is one KV, for the API as well", async () => {
    const id = await kit.namespace("shared");
    const first = await kit.put("kv", {
      bindings: [secret("1"), { name: "KV", type: "kv_namespace", namespace_id: id }],
    });
    await kit.ask("kv", "/kv", { method: "PUT", body: "from the Worker" });
    expect((await kit.call("GET", `storage/kv/namespaces/${id}/values/key`)).text).toBe("from the Worker");
    await kit.deploy("kv", { [await kit.stage("kv", "2")]: 100, [first]: 0 });
    await kit.settled("kv");
    const seen = { value: "from the Worker", metadata: { by: "worker" } };
    expect(JSON.parse(await kit.text("kv", "/kv"))).toEqual(seen);
    expect(JSON.parse(await kit.text("kv", "/kv", override("kv", first)))).toEqual(seen);
  });

  it("are the same Durable Objects, in the code that most requests meet", async () => {
    const first = await kit.put("objects", { ...OBJECTS, bindings: [...OBJECTS.bindings!, secret("1")] });
    expect(await kit.text("objects", "/count")).toBe("1");
    const second = await kit.stage("objects", "2");
    await kit.deploy("objects", { [first]: 100, [second]: 0 });
    await kit.settled("objects");
    expect(await kit.text("objects", "/count", override("objects", second))).toBe("2");
    expect(await kit.text("objects", "/count")).toBe("3");

    // New code restarts the objects: their memory is gone, and no call fails meanwhile.
    await kit.put("objects", { ...OBJECTS, metadata: {}, source: workerSource("two") });
    const counts: string[] = [];
    do counts.push(await kit.text("objects", "/count"));
    while (counts.at(-1) !== "1");
    expect(counts.every((count) => /^\d+$/.test(count))).toBe(true);
  });
});

describe("a signal", () => {
  it("stays in the hands of the process while versions run", async () => {
    const own = () => undefined;
    process.on("SIGTERM", own);
    try {
      const before = process.listeners("SIGTERM");
      await kit.put("signal", { bindings: [] });
      expect(process.listeners("SIGTERM")).toEqual(before);
    } finally {
      process.removeListener("SIGTERM", own);
    }
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
