import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startKit, until, type Kit } from "../test/emulator.ts";

let kit: Kit;
beforeAll(async () => {
  kit = await startKit();
});
afterAll(() => kit.cloudflare.close());

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

  it.each([
    ["declared", (size: number) => Buffer.alloc(size)],
    ["in pieces", (size: number) => new Blob([new Uint8Array(size)]).stream()],
  ])("loses no answer to a body that the Worker refuses while it arrives, %s", async (_how, bodyOf) => {
    const source = `export default { async fetch(request) {
      const refused = () => new Response("too large", { status: 413 });
      if (Number(request.headers.get("content-length") ?? 0) > 4194304) return refused();
      let size = 0;
      for await (const chunk of request.body) if ((size += chunk.length) > 4194304) return refused();
      return new Response(String(size));
    } };`;
    await kit.put("refuses", { source });
    for (const mebibytes of [5, 20, 3, 5]) {
      const body = bodyOf(mebibytes * 1024 * 1024);
      const response = await kit.ask("refuses", "/", { method: "POST", body, duplex: "half" });
      expect([response.status, await response.text()]).toEqual(
        mebibytes === 3 ? [200, String(3 * 1024 * 1024)] : [413, "too large"],
      );
    }
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
    await until(() => kit.running("leave").every(({ inFlight }) => inFlight === 0));
    expect(kit.running("leave")).toHaveLength(1);
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
    const [response] = (await once(get(url, { headers: ["host", new URL(url).host, ...headers] }), "response")) as [
      IncomingMessage,
    ];
    const seen = new Map(JSON.parse(Buffer.concat(await response.toArray()).toString()) as [string, string][]);
    expect(seen.get("x-doubled")).toBe("a, b");
    expect(seen.get("cf-connecting-ip")).toBe("127.0.0.1");
    expect(seen.get("x-forwarded-for")).toBe("127.0.0.1");
    expect(seen.get("cf-ray")).toMatch(/^[0-9a-f]{16}-SB[A-D]$/);
    expect([...seen.keys()].filter((name) => name.startsWith("mf-"))).toEqual([]);
  });

  it("carries out faults before and after the Worker has seen the request", async () => {
    await kit.put("faults", {
      bindings: [{ name: "KV", type: "kv_namespace", namespace_id: await kit.namespace("faults") }],
    });
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
    expect(JSON.parse(await kit.text("faults", "/kv"))).toMatchObject({ value: "written" });
    faults.clear();
  });
});
