import { describe, expect, it } from "vitest";
import { httpTransport, onBehalfOf } from "./http-transport.ts";
import { NotRunError } from "./no-answer.ts";

const CALL = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "t" } } as const;

/** An event stream that says nothing, until somebody has had enough. */
const silent: typeof fetch = async (_input, init) => {
  const body = new ReadableStream({
    start: (stream) => init?.signal?.addEventListener("abort", () => stream.error(init.signal?.reason)),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
};

async function started(send: typeof fetch) {
  const transport = httpTransport("https://server.example/mcp", null, send, () => {});
  await transport.start();
  return transport;
}

describe("a request to a server at a URL", () => {
  it("that its caller gave up is kept no longer, though nothing says so but its signal", async () => {
    const transport = await started(silent);
    const stop = new AbortController();
    await transport.send(CALL, { requestSignal: stop.signal });
    expect(transport.unanswered).toBe(1);
    stop.abort();
    expect(transport.unanswered).toBe(0);
    await transport.close();
  });

  it.each([
    ["no connection came up was not run", null, true],
    ["the answer broke off may have run, whatever the error says", 200, false],
    ["the error broke off may have run as well", 500, false],
  ])("for which %s", async (_what, status, notRun) => {
    const error = Object.assign(new Error("x"), { code: "ECONNREFUSED" });
    const breaks: typeof fetch = async () => {
      if (status === null) throw new TypeError("fetch failed", { cause: error });
      const body = new ReadableStream({ pull: (stream) => stream.error(error) });
      return new Response(body, { status, headers: { "content-type": "application/json" } });
    };
    const transport = await started(breaks);
    const why: unknown = await transport.send(CALL).catch((cause: unknown) => cause);
    expect(why).toBeInstanceOf(Error);
    expect(why instanceof NotRunError).toBe(notRun);
    expect(transport.unanswered).toBe(0);
    await transport.close();
  });

  it("that belongs to no call names its user alone", async () => {
    let headers = new Headers();
    const transport = await started(async (_input, init) => {
      headers = new Headers(init?.headers);
      return new Response(null, { status: 202 });
    });
    await onBehalfOf.run({ userId: "anna", requestId: null, account: null }, () =>
      transport.send({ jsonrpc: "2.0", method: "notifications/initialized" }),
    );
    expect([...headers.keys()].filter((name) => name.startsWith("x-"))).toEqual(["x-user-id"]);
    expect(headers.get("x-user-id")).toBe("anna");
    await transport.close();
  });

  it("that was given up before it was sent is not kept either", async () => {
    const transport = await started(silent);
    await transport.send(CALL, { requestSignal: AbortSignal.abort() }).catch(() => {});
    expect(transport.unanswered).toBe(0);
    await transport.close();
  });
});
