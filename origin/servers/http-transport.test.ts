import { describe, expect, it } from "vitest";
import { httpTransport } from "./http-transport.ts";

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

  it("that was given up before it was sent is not kept either", async () => {
    const transport = await started(silent);
    await transport.send(CALL, { requestSignal: AbortSignal.abort() }).catch(() => {});
    expect(transport.unanswered).toBe(0);
    await transport.close();
  });
});
