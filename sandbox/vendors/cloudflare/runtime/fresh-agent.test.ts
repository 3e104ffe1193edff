import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { FreshAgent } from "./fresh-agent.ts";

let connections = 0;
const server = createServer((_, response) => response.end("x"));
server.on("connection", () => connections++);
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
beforeEach(() => {
  connections = 0;
});
afterAll(() => server.close());

async function ask(agent: FreshAgent): Promise<void> {
  const asked = request({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", agent: agent.fresh() });
  const free = once(agent, "free");
  asked.end();
  const [response] = await once(asked, "response");
  response.resume();
  await free;
}
/** The machine stands still: no timer fires. */
const standStill = (ms: number): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

it("a connection serves one request after another", async () => {
  const agent = new FreshAgent(60_000);
  for (let i = 0; i < 3; i++) await ask(agent);
  expect(connections).toBe(1);
  agent.destroy();
});

it("one that was idle for too long is not used, though no timer could close it", async () => {
  const agent = new FreshAgent(20);
  await ask(agent);
  standStill(60);
  await ask(agent);
  expect(connections).toBe(2);
  agent.destroy();
});
