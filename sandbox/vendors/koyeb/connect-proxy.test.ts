import { readFile, stat } from "node:fs/promises";
import { connect } from "node:net";
import { once } from "node:events";
import { request } from "node:https";
import type { IncomingMessage } from "node:http";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fastContext, type Json, TOKENS } from "../../test/harness.ts";
import { type Koyeb, startKoyeb } from "./koyeb.ts";

let koyeb: Koyeb;
const lines: string[] = [];
beforeEach(async () => {
  koyeb = await startKoyeb(fastContext({ lines }));
});
afterEach(() => koyeb.close());

/** Asks the proxy for a way to `target`. */
async function tunnel(proxyUrl: string, target: string) {
  const socket = connect(Number(new URL(proxyUrl).port), "127.0.0.1");
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
  const [answer] = (await once(socket, "data")) as [Buffer];
  return { socket, answer: answer.toString() };
}

it("a client that can only speak to app.koyeb.com reaches the emulator, and trusts nobody else for it", async () => {
  const { proxyUrl, caFile } = await koyeb.connectProxy();
  const { socket, answer } = await tunnel(proxyUrl, "app.koyeb.com:443");
  expect(answer).toMatch(/^HTTP\/1.1 200 /);
  const tls = connectTls({ socket, servername: "app.koyeb.com", ca: await readFile(caFile, "utf8") });
  await once(tls, "secureConnect");
  expect(tls.authorized).toBe(true);
  const asked = request({
    createConnection: () => tls,
    host: "app.koyeb.com",
    method: "POST",
    path: "/v1/apps",
    headers: { authorization: `Bearer ${TOKENS.koyeb}` },
  });
  asked.end(JSON.stringify({ name: "mcpist" }));
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const { app } = JSON.parse((await response.toArray()).join("")) as Json;
  expect([response.statusCode, app["name"]]).toEqual([200, "mcpist"]);
  tls.destroy();
});

it("the proxy reaches no other host, tells the operator, and takes its files with it", async () => {
  const { proxyUrl, caFile } = await koyeb.connectProxy();
  const { answer } = await tunnel(proxyUrl, "registry.terraform.io:443");
  expect(answer).toMatch(/^HTTP\/1.1 403 /);
  expect((await fetch(proxyUrl)).status).toBe(403);
  expect(lines).toContain("sandbox: the proxy for app.koyeb.com does not reach registry.terraform.io:443");
  expect((await koyeb.connectProxy()).proxyUrl).toBe(proxyUrl);
  await koyeb.close();
  await expect(stat(caFile)).rejects.toThrow("ENOENT");
  koyeb = await startKoyeb(fastContext());
});
