/**
 * The official conformance suite through natively presented tools: the suite's own diagnostic tools, as a server of one's own behind the
 * origin and the gateway. Their names carry the server's here, so a shim takes it off; nothing else is changed. What still differs from
 * asking the server directly is listed with its reason (conformance/native-differences.ts).
 */
import { createServer, type ServerResponse } from "node:http";
import { request } from "node:http";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createServers } from "../origin/servers/servers.ts";
import { pgliteDatabase, type TestDatabase } from "../origin/test/database.ts";
import { newSecret, newUser, startOrigin, type TestOrigin } from "../origin/test/origin.ts";
import { configOf } from "../worker/test/config.ts";
import { startShim, type Shim } from "../worker/test/conformance/shim.ts";
import { conformanceVerdicts } from "../worker/test/conformance/suite.ts";
import { startGateway, startIssuer, type TestGateway, type TestIssuer } from "../worker/test/gateway.ts";
import { claimsAt, signToken } from "../worker/test/tokens.ts";
import { nativeDifferences } from "./conformance/native-differences.ts";
import { type Listening, onLoopback } from "../worker/test/loopback.ts";

const PASSING: ReadonlySet<string> = new Set(["SUCCESS", "INFO", "SKIPPED"]);
const SUITE_SERVER = fileURLToPath(new URL("conformance/suite-server.ts", import.meta.url));
/** Names that the suite's diagnostic tools have. */
const OWN_NAME = /^(?:test_\w+|json_schema_2020_12_tool)$/;

let database: TestDatabase;
let origin: TestOrigin;
let issuer: TestIssuer;
let gateway: TestGateway;
let shim: Shim;
let names: Listening;

/** Puts the server's name before the suite's tools in requests, and takes it off answers. */
async function startNames(target: () => string): Promise<Listening> {
  const answerTo = (
    incoming: Parameters<Parameters<typeof createServer>[1] & object>[0],
    outgoing: ServerResponse,
    body: string,
  ) => {
    const headers = [...incoming.rawHeaders].map((text, i, all) =>
      i % 2 === 1 && all[i - 1]?.toLowerCase() === "mcp-name" && OWN_NAME.test(text) ? `suite__${text}` : text,
    );
    // What is compressed cannot be read here.
    const encoding = headers.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === "accept-encoding");
    if (encoding !== -1) headers[encoding + 1] = "identity";
    const at = headers.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === "content-length");
    const sent = body.replaceAll(/"name":"(test_\w+|json_schema_2020_12_tool)"/g, '"name":"suite__$1"');
    if (at !== -1) headers[at + 1] = String(Buffer.byteLength(sent));
    const { hostname, port } = new URL(target());
    const upstream = request(
      { hostname, port, method: incoming.method, path: incoming.url, headers, agent: false },
      (answer) => {
        const kept = answer.rawHeaders.flatMap((text, i, all) =>
          all[i - (i % 2)]?.toLowerCase() === "content-length" ? [] : [text],
        );
        outgoing.writeHead(answer.statusCode ?? 502, kept);
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => outgoing.write(chunk.replaceAll('"name":"suite__', '"name":"')));
        answer.on("end", () => outgoing.end());
      },
    );
    upstream.on("error", () => outgoing.destroy());
    outgoing.on("close", () => upstream.destroy());
    upstream.end(sent);
  };
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => answerTo(incoming, outgoing, Buffer.concat(chunks).toString("utf8")));
  });
  return onLoopback(server);
}

beforeAll(async () => {
  const secret = newSecret();
  [database, issuer] = await Promise.all([pgliteDatabase(), startIssuer()]);
  const servers = createServers(
    { suite: { command: [process.execPath, SUITE_SERVER], trusted: true } },
    {
      secrets: new Map(),
      separator: null,
      path: process.env["PATH"] ?? "",
      version: "0.0.0",
      fetch,
      random: () => 0.5,
      now: () => performance.now(),
    },
  );
  if (!servers.ok) throw new Error(servers.error);
  origin = await startOrigin(database, {
    name: "koyeb",
    secrets: { GATEWAY_SECRET_A: secret },
    servers: servers.value,
    timers: true,
    config: { presentation: "native" },
  });
  const { admin } = database;
  const seen = () => admin.query<{ tool: string }>("select tool_id as tool from mcpist.tool_sightings");
  await vi.waitFor(async () => expect(await seen()).toHaveLength(8), { timeout: 30_000, interval: 50 });
  await admin.query("select mcpist.approve_tool(module_id, tool_id, pin, 'test') from mcpist.tool_sightings");
  const sub = await newUser(database, { grants: (await seen()).map(({ tool }) => ["suite", tool] as const) });
  names = await startNames(() => shim.url);
  shim = await startShim(
    () => gateway.url,
    () => signToken(issuer.key, claimsAt(Math.floor(Date.now() / 1000), { sub })),
  );
  gateway = await startGateway({
    secret,
    config: configOf([{ name: "koyeb", url: origin.url }], issuer.url, {
      limits: { perIpPerMinute: 100_000, failedAuthPerMinute: 1000, burstPerSecond: 1000 },
      allowedOrigins: [names.url, names.url.replace("127.0.0.1", "localhost")],
      presentation: "native",
    }),
  });
}, 120_000);
afterAll(async () => {
  await names?.close();
  await shim?.close();
  await gateway?.close();
  await origin?.stop();
  await Promise.all([issuer?.origin.close(), database?.close()]);
});

describe("official conformance suite, tools presented natively", () => {
  it.each([
    ["2026-07-28", 100],
    ["2025-11-25", 30],
  ])("%s: everything passes but the reviewed differences", { timeout: 300_000 }, async (revision, least) => {
    const found = await conformanceVerdicts(names.url, revision);
    const failed = [...found]
      .filter(([, statuses]) => statuses.some((status) => !PASSING.has(status)))
      .map(([check]) => check);
    expect(failed.toSorted()).toEqual(nativeDifferences(revision));
    expect([...found.values()].flat().filter((status) => status === "SUCCESS").length).toBeGreaterThanOrEqual(least);
    expect(origin.events("internal_error")).toEqual([]);
  });
});
