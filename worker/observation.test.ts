import { describe, expect, it } from "vitest";
import { parseWorkerObservation } from "../contract/observation.ts";
import { observe, probe, type GatewaySecret } from "./observation.ts";
import { testRuntime } from "./test/clock.ts";

const secret: GatewaySecret = { text: "00".repeat(32), bytes: Uint8Array.from({ length: 32 }, (_, i) => i) };
const origin = { name: "koyeb", url: "https://koyeb.test", state: "quarantined" } as const;
const seen = {
  role: "origin",
  instanceId: "i",
  deployment: "d",
  kids: { a: "ad16856218e52ec8", b: null },
  lastAccepted: {},
  accepted: true,
};

const isolate = { instanceId: "isolate", deployment: "version", marks: ["9b2d70c4418ea6f5"] };

describe("observation", () => {
  it("is what the contract reads, with the kid of the published vector", async () => {
    const observation = await observe({ ...isolate, secret }, null);
    expect(observation.kid).toBe("ad16856218e52ec8");
    expect(parseWorkerObservation(JSON.parse(JSON.stringify(observation)))).toEqual(observation);
  });
  it("has no kid without a secret", async () => {
    expect((await observe({ ...isolate, secret: null }, null)).kid).toBeNull();
  });
});

describe("probe", () => {
  it("reaches an origin that gets no traffic, and never follows it elsewhere", async () => {
    const inits: RequestInit[] = [];
    const runtime = testRuntime((_url, init) => {
      inits.push(init);
      return Response.json(seen);
    });
    expect(await probe(runtime, origin, secret)).toEqual({ origin: "koyeb", status: 200, observation: seen });
    expect(runtime.fetched).toEqual(["https://koyeb.test/.well-known/mcpist/gateway"]);
    expect(inits).toMatchObject([{ redirect: "manual", headers: { "x-gateway-secret": secret.text } }]);
  });

  it.each([
    ["says that nobody answered", 0, () => Promise.reject(new TypeError("lost"))],
    ["passes on the status of a refusal", 403, () => new Response(null, { status: 403 })],
    ["believes no answer but 200", 500, () => Response.json(seen, { status: 500 })],
    [
      "believes no redirect",
      302,
      () => new Response(null, { status: 302, headers: { location: "https://evil.test" } }),
    ],
    ["believes no page", 200, () => new Response("<html>")],
    ["believes no other shape", 200, () => Response.json({ ...seen, kids: "all" })],
    ["reads no more than 64 KB", 200, () => Response.json({ ...seen, padding: "x".repeat(70_000) })],
  ])("%s (%i)", async (_, status, respond) => {
    expect(await probe(testRuntime(respond), origin, secret)).toEqual({ origin: "koyeb", status, observation: null });
  });

  it("asks nobody without a secret", async () => {
    const runtime = testRuntime(() => Response.json(seen));
    expect(await probe(runtime, origin, null)).toEqual({ origin: "koyeb", status: 0, observation: null });
    expect(runtime.fetched).toEqual([]);
  });
});
