import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { forward } from "./proxy.ts";

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
/** As workerd where a request comes just when it closes an idle connection: the second one on a connection is never read. */
const runtime = createServer((_, response) => response.end("answered"));
runtime.on("connection", (socket) => {
  let requests = 0;
  socket.on("data", () => {
    if (++requests > 1) socket.resetAndDestroy();
  });
});
const edge = createServer((incoming, outgoing) => {
  const told = { clientAddress: "127.0.0.1", ray: "0-SBA", edge: "SBA" };
  void forward(incoming, outgoing, { port: portOf(runtime) }, told, null);
});

beforeAll(async () => {
  for (const server of [runtime, edge]) await once(server.listen(0, "127.0.0.1"), "listening");
});
afterAll(() => {
  for (const server of [runtime, edge]) server.close().closeAllConnections();
});

it("no request meets the end of an idle connection to the runtime", async () => {
  for (let i = 0; i < 3; i++) {
    const response = await fetch(`http://127.0.0.1:${portOf(edge)}/`);
    expect([response.status, await response.text()]).toEqual([200, "answered"]);
  }
});
