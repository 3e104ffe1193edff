import { request as httpRequest, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Backend, page, type Route, startEdge, to } from "./edge.ts";
import { type Instance, startInstance } from "../processes/instance.ts";
import type { Listener, VendorContext } from "./vendor.ts";
import { ask, FAKE_ORIGIN, fastContext, type Json, until } from "../test/harness.ts";

let context: VendorContext;
let instance: Instance;
let backend: Backend;
let edge: Listener;
let route: () => Route;

beforeEach(async () => {
  context = fastContext();
  instance = await startInstance({ ORIGIN_NAME: "koyeb" }, { id: "i", log: () => {}, program: FAKE_ORIGIN });
  backend = new Backend(instance.port);
  route = () => to(backend);
  edge = await startEdge(context, { listener: null, platform: "koyeb", route: async () => route() });
});
afterEach(async () => {
  await edge.close();
  backend.agent.destroy();
  await instance.kill();
});

describe("the edge", () => {
  it("passes method, path, body and duplicate headers on as they came", async () => {
    const outgoing = httpRequest(`${edge.url}/mcp?a=1`, { method: "POST" });
    outgoing.setHeader("x-gateway-secret", ["one", "two"]);
    outgoing.end("the body");
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    const answer = JSON.parse((await incoming.toArray()).join("")) as Json;
    expect(answer).toMatchObject({ url: "/mcp?a=1", body: "the body" });
    const headers = answer["headers"] as string[];
    expect(headers.filter((_, i) => headers[i - 1] === "x-gateway-secret")).toEqual(["one", "two"]);
    expect(incoming.headers["x-mcpist-origin"]).toBe("koyeb");
  });

  it.each<["koyeb" | "fly", string, string, readonly string[]]>([
    ["koyeb", "127.0.0.1", "127.0.0.1", ["198.51.100.7", "127.0.0.1"]],
    ["koyeb", "127.0.0.2", "203.0.113.2", ["198.51.100.7", "203.0.113.2"]],
    ["fly", "127.0.0.2", "203.0.113.2", ["198.51.100.7", "203.0.113.2"]],
  ])("attests at %s where %s calls from, whatever it claims", async (platform, localAddress, seen, forwarded) => {
    const own = await startEdge(context, { listener: null, platform, route: async () => route() });
    const claims = { "x-forwarded-for": "198.51.100.7", "fly-client-ip": "127.0.0.1" };
    const outgoing = httpRequest(own.url, { localAddress, headers: claims, agent: false });
    outgoing.end();
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    const headers = (JSON.parse((await incoming.toArray()).join("")) as Json)["headers"] as string[];
    await own.close();
    const values = (name: string) => headers.filter((_, i) => headers[i - 1]?.toLowerCase() === name);
    expect(values("x-forwarded-for")).toEqual(forwarded);
    if (platform === "fly") expect(values("fly-client-ip")).toEqual([seen]);
  });

  it("streams an answer as it comes, and takes the request back when the client goes away", async () => {
    const abort = new AbortController();
    const response = await fetch(`${edge.url}/stream`, { signal: abort.signal });
    const reader = response.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain("data: 1");
    expect(backend.open).toBe(1);
    abort.abort();
    await reader?.cancel().catch(() => undefined);
    await until(async () => backend.open === 0 || null);
    expect(backend.open).toBe(0);
  });

  it("breaks its answer off when the instance does", async () => {
    const response = await fetch(`${edge.url}/stream`);
    await instance.kill();
    await expect(response.text()).rejects.toThrow();
  });

  it("answers for itself, without the origin's name, when nobody listens there", async () => {
    await instance.kill();
    const response = await fetch(edge.url);
    expect(response.status).toBe(502);
    expect(response.headers.get("x-mcpist-origin")).toBeNull();
    route = () => page(503, "No healthy instance");
    expect((await fetch(edge.url)).status).toBe(503);
  });

  it("waits for open requests before an instance is stopped, but not for ever", async () => {
    const slow = fetch(`${edge.url}/slow`);
    await until(async () => backend.open === 1 || null);
    await backend.drain(5_000);
    expect(await (await slow).text()).toBe("slow");
    const stream = await fetch(`${edge.url}/stream`);
    await backend.drain(30);
    await expect(stream.text()).rejects.toThrow();
  });
});

describe("a fault rule for an origin", () => {
  it("answers instead of the instance, by path and query", async () => {
    context.faults.add({
      vendor: "origin",
      path: "\\?broken",
      effect: { kind: "status", when: "before", status: 503, retryAfterSeconds: 2 },
    });
    const broken = await fetch(`${edge.url}/mcp?broken`);
    expect([broken.status, broken.headers.get("retry-after"), broken.headers.get("x-mcpist-origin")]).toEqual([
      503,
      "2",
      null,
    ]);
    expect((await fetch(`${edge.url}/mcp`)).status).toBe(200);
  });

  it("loses the answer after the instance has seen the request", async () => {
    context.faults.add({ vendor: "origin", path: "^/end", times: 1, effect: { kind: "reset", when: "lost" } });
    context.faults.add({
      vendor: "origin",
      path: "^/lost",
      times: 1,
      effect: { kind: "status", when: "after", status: 500 },
    });
    expect((await fetch(`${edge.url}/lost`)).status).toBe(500);
    await expect(fetch(`${edge.url}/end`)).rejects.toThrow();
    expect((await instance.exited).code).toBe(1);
  });

  it("concerns one platform when it says so, and delays and resets", async () => {
    context.faults.add({ vendor: "origin", platform: "fly", effect: { kind: "reset", when: "before" } });
    expect((await ask(edge.url))["status"]).toBe(200);
    context.faults.add({ vendor: "origin", platform: "koyeb", times: 1, effect: { kind: "reset", when: "before" } });
    await expect(fetch(edge.url)).rejects.toThrow();
    context.faults.add({ vendor: "origin", times: 1, effect: { kind: "delay", ms: 60 } });
    const late = fetch(edge.url).then(() => "late");
    expect(await Promise.race([late, sleep(30, "early")])).toBe("early");
    expect(await late).toBe("late");
  });
});
