import { describe, expect, it } from "vitest";
import { ApiError } from "./errors.ts";
import { KvNamespaces, serveBinding, type KvNamespace } from "./kv.ts";

const START = Date.parse("2026-11-22T00:00:00Z");

function setup(): {
  readonly namespaces: KvNamespaces;
  readonly kv: KvNamespace;
  readonly wait: (seconds: number) => void;
} {
  let time = START;
  const namespaces = new KvNamespaces();
  const kv = namespaces.create("cache", () => new Date(time));
  return {
    namespaces,
    kv,
    wait: (seconds) => {
      time += seconds * 1000;
    },
  };
}
const bytes = (text: string) => new TextEncoder().encode(text);
const statusOf = (action: () => void): number | null => {
  try {
    action();
    return null;
  } catch (error) {
    return error instanceof ApiError ? error.status : -1;
  }
};

describe("a KV namespace", () => {
  it("forgets a key when its time to live is over", () => {
    const { kv, wait } = setup();
    kv.put("k", bytes("v"), { expirationTtl: 60 });
    wait(59);
    expect(kv.get("k")).not.toBeNull();
    wait(2);
    expect(kv.get("k")).toBeNull();
    expect(kv.list("", 10, "").keys).toEqual([]);
  });

  it("refuses a time to live under a minute, an empty or long key and big metadata", () => {
    const { kv } = setup();
    expect(statusOf(() => kv.put("k", bytes("v"), { expirationTtl: 59 }))).toBe(400);
    expect(statusOf(() => kv.put("k", bytes("v"), { expiration: START / 1000 + 30 }))).toBe(400);
    expect(statusOf(() => kv.put("k", bytes("v"), { expirationTtl: Number.NaN }))).toBe(400);
    expect(statusOf(() => kv.put("", bytes("v")))).toBe(400);
    expect(statusOf(() => kv.put("k".repeat(513), bytes("v")))).toBe(400);
    expect(statusOf(() => kv.put("k", bytes("v"), { metadata: "m".repeat(1024) }))).toBe(400);
  });

  it("takes one write per key and second", () => {
    const { kv, wait } = setup();
    kv.put("k", bytes("1"));
    expect(statusOf(() => kv.put("k", bytes("2")))).toBe(429);
    kv.put("other", bytes("2"));
    wait(1);
    kv.put("k", bytes("3"));
    expect(Buffer.from(kv.get("k")?.value ?? "").toString()).toBe("3");
  });

  it("lists by prefix in pages", () => {
    const { kv } = setup();
    for (const name of ["a:2", "a:1", "b:1", "a:3"]) kv.put(name, bytes("v"));
    const first = kv.list("a:", 2, "");
    expect(first.keys.map(({ name }) => name)).toEqual(["a:1", "a:2"]);
    const second = kv.list("a:", 2, first.cursor ?? "");
    expect(second).toEqual({ keys: [{ name: "a:3" }], cursor: null });
  });

  it("cannot have the title of another one", () => {
    const { namespaces } = setup();
    expect(statusOf(() => namespaces.create("cache", () => new Date()))).toBe(400);
  });
});

describe("the end of a KV binding", () => {
  it("keeps bytes and metadata exactly", async () => {
    const { kv, namespaces } = setup();
    const url = `http://kv/${kv.id}/values/${encodeURIComponent("a/b ü")}`;
    const value = Uint8Array.from([0, 255, 10, 13]);
    const metadata = { "x-kv-metadata": encodeURIComponent(JSON.stringify({ name: "ü" })) };
    expect(
      (await serveBinding(new Request(url, { method: "PUT", body: value, headers: metadata }), namespaces)).status,
    ).toBe(200);
    expect(kv.get("a/b ü")?.metadata).toEqual({ name: "ü" });
    const read = await serveBinding(new Request(url), namespaces);
    expect(new Uint8Array(await read.arrayBuffer())).toEqual(value);
    expect((await serveBinding(new Request(url, { method: "DELETE" }), namespaces)).status).toBe(200);
    expect((await serveBinding(new Request(url), namespaces)).status).toBe(404);
  });

  it("passes a refusal on with its reason", async () => {
    const { kv, namespaces } = setup();
    const answer = await serveBinding(
      new Request(`http://kv/${kv.id}/values/k?expiration_ttl=10`, { method: "PUT", body: "v" }),
      namespaces,
    );
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain("at least 60");
  });
});
