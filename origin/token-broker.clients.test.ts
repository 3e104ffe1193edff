/** The Edge Function as it is deployed, in Deno: it type-checks, serves and refreshes over real connections, and refuses to start. */
import { execFileSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BROKER_SECRET_HEADER } from "../contract/headers.ts";
import type { Database } from "./database/database.ts";
import { fromPglite } from "./database/embedded.ts";
import { ACCESS, startProvider } from "./test/broker.ts";
import { prepare } from "./test/database.ts";
import { BROKER_FUNCTION, deno, LISTENING, ROOT, startBroker } from "./test/deno.ts";
import { newRequestId, newSecret } from "./test/origin.ts";
import { quietPorts } from "./test/ports.ts";

const USER = "00000000-0000-4000-8000-000000000001";

const required = process.env["CI"] === "true";

if (required && deno === undefined) {
  it("has Deno to run on", () => {
    expect(deno).toBeDefined();
  });
}

describe.skipIf(deno === undefined)("token broker in Deno (npm install --no-save deno@2.9.6)", () => {
  const program = deno ?? "";
  const secret = newSecret();
  const children: ChildProcess[] = [];
  let pglite: PGlite;
  let database: Database;
  let server: PGLiteSocketServer;
  let port: number;

  beforeAll(async () => {
    pglite = await PGlite.create();
    database = fromPglite(pglite);
    await prepare(database);
    port = await quietPorts(1);
    server = new PGLiteSocketServer({ db: pglite, host: "127.0.0.1", port, maxConnections: 10 });
    await server.start();
  });
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await server.stop();
    await pglite.close();
  });

  function start(environment: Readonly<Record<string, string>>) {
    const complete = { BROKER_DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/postgres`, ...environment };
    const { child, output } = startBroker(program, complete, "127.0.0.1");
    children.push(child);
    return { child, output };
  }

  it("type-checks", () => {
    const check = ["check", "--quiet", "--no-remote", "--node-modules-dir=manual", BROKER_FUNCTION];
    expect(() => execFileSync(program, check, { cwd: ROOT, stdio: "pipe" })).not.toThrow();
  });

  /** Starts the function and waits until it listens. */
  async function serve(environment: Readonly<Record<string, string>> = {}) {
    const { output, child } = start({ BROKER_SECRET_A: secret, ...environment });
    await expect.poll(() => output.text, { timeout: 20_000 }).toMatch(LISTENING);
    const url = LISTENING.exec(output.text)?.[0] ?? "";
    const body = () => JSON.stringify({ request_id: newRequestId(), user_id: USER, module: "time" });
    const ask = (headers: Record<string, string> = { [BROKER_SECRET_HEADER]: secret }, sent = body()) =>
      fetch(url, { method: "POST", headers, body: sent });
    return { output, url, ask, child };
  }
  const connect = (expiresIn: number | null) =>
    database.query("select mcpist.connect_account($1::uuid, 'time', $2, '{}', $3::integer)", [
      USER,
      JSON.stringify({ access_token: "access-token", refresh_token: "canary-refresh" }),
      expiresIn,
    ]);

  it("serves a token to its caller and nothing to others", async () => {
    await connect(3600);
    const { output, url, ask } = await serve();
    const reply = await ask();
    expect([reply.status, await reply.json()]).toMatchObject([200, { access_token: "access-token" }]);
    expect((await ask({ authorization: `Bearer ${secret}` })).status).toBe(403);
    await expect.poll(() => output.text).toContain('"reason":"caller"');
    for (const wrong of ["{", "[]", JSON.stringify({ user_id: USER, module: "time" }), "x".repeat(5_000)])
      expect((await ask(undefined, wrong)).status).toBe(400);
    expect((await fetch(url, { headers: { [BROKER_SECRET_HEADER]: secret } })).status).toBe(405);
    expect(output.text).not.toContain(secret);
    expect(output.text).not.toContain("canary");
  });

  it("refreshes once for requests that come together, and breaks the connection when the provider refuses", async () => {
    const provider = await startProvider();
    const providers = { time: { tokenUrl: provider.tokenUrl, clientId: "client", clientSecret: "canary-client" } };
    const { output, ask } = await serve({ MCPIST_PROVIDERS: JSON.stringify(providers) });
    await connect(1);
    const replies = await Promise.all(Array.from({ length: 10 }, async () => (await ask()).json()));
    expect(replies.map((reply) => (reply as { access_token: string }).access_token)).toEqual(
      Array.from({ length: 10 }, () => `${ACCESS}-1`),
    );
    expect(provider.asked).toHaveLength(1);
    provider.answer = () => ({ status: 400, body: { error: "invalid_grant" } });
    await connect(1);
    const broken = await ask();
    expect([broken.status, await broken.text()]).toEqual([404, ""]);
    await expect.poll(() => output.text).toContain('"reason":"broken"');
    expect(await database.query("select status from mcpist.connections where user_id = $1::uuid", [USER])).toEqual([
      { status: "broken" },
    ]);
    expect(output.text).not.toContain("canary");
    await provider.close();
  });

  /** Resident memory of a process. Unit: bytes. */
  const residentOf = async (pid: number): Promise<number> =>
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN) * 1024;

  it("reads no more of a caller's body than a request can be long, with the credential and without", async () => {
    const { url, child } = await serve();
    await connect(3600);
    const before = await residentOf(child.pid ?? 0);
    for (const credential of [{ [BROKER_SECRET_HEADER]: secret }, {}]) {
      let sent = 0;
      const endless = new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 65_536;
          if (sent > 200 * 1024 * 1024) controller.close();
          else controller.enqueue(new Uint8Array(65_536).fill(32));
        },
      });
      const status = await fetch(url, {
        method: "POST",
        headers: credential,
        body: endless,
        duplex: "half",
      }).then(
        (response) => response.status,
        () => "hung up",
      );
      expect(["hung up", BROKER_SECRET_HEADER in credential ? 400 : 403]).toContain(status);
    }
    expect((await residentOf(child.pid ?? 0)) - before).toBeLessThan(64 * 1024 * 1024);
  });

  it("unpacks no more of a provider's reply than a reply can be long", async () => {
    const packed = gzipSync(Buffer.alloc(400 * 1024 * 1024, " "));
    const bomb = createServer((request, response) => {
      request.resume();
      response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(packed);
    }).listen(0, "127.0.0.1");
    await once(bomb, "listening");
    const tokenUrl = `http://127.0.0.1:${(bomb.address() as AddressInfo).port}/token`;
    const providers = { time: { tokenUrl, clientId: "client", clientSecret: "canary-client" } };
    const { ask, child } = await serve({ MCPIST_PROVIDERS: JSON.stringify(providers) });
    const before = await residentOf(child.pid ?? 0);
    await connect(1);
    expect((await ask()).status).toBe(503);
    expect((await residentOf(child.pid ?? 0)) - before).toBeLessThan(96 * 1024 * 1024);
    bomb.closeAllConnections();
    bomb.close();
  });

  it("answers a flood of unknown callers, writes it down collapsed, and serves its caller meanwhile", async () => {
    await connect(3600);
    const { output, ask } = await serve();
    const rows = async () => {
      const [row] = await database.query<{ n: number }>(
        "select count(*)::int as n from mcpist.security_events where layer = 'broker' and http_status = 403",
      );
      return row?.n ?? 0;
    };
    const before = await rows();
    const flood = Promise.all(Array.from({ length: 199 }, async () => (await ask({})).status));
    // The test's database has one session for all: the broker's log of the flood may have it just now, and 503 asks to come again.
    await expect.poll(async () => (await ask()).status).toBe(200);
    expect(new Set(await flood)).toEqual(new Set([403]));
    await expect.poll(rows).toBeGreaterThan(before);
    const written = () => output.text.match(/"reason":"caller"/g)?.length ?? 0;
    await expect.poll(written).toBeGreaterThan(0);
    // One at once; more only where the machine is so slow that a window ends meanwhile.
    expect(written()).toBeLessThan(20);
  });

  it.each([
    ["a secret", {}, "BROKER_SECRET_A"],
    ["a well-formed secret", { BROKER_SECRET_A: "canary" }, "BROKER_SECRET_A must be 64"],
    [
      "TLS to a database beyond this machine",
      { BROKER_SECRET_A: "SECRET", BROKER_DATABASE_URL: "postgres://x:canary@db.example.com/x" },
      "BROKER_DATABASE_URL must say sslmode=verify-full",
    ],
    ["readable providers", { BROKER_SECRET_A: "SECRET", MCPIST_PROVIDERS: "{canary" }, "MCPIST_PROVIDERS must be JSON"],
    [
      "https providers",
      {
        BROKER_SECRET_A: "SECRET",
        MCPIST_PROVIDERS: '{"x":{"tokenUrl":"http://canary.example","clientId":"a","clientSecret":"b"}}',
      },
      "MCPIST_PROVIDERS needs",
    ],
  ])(
    "does not start without %s, and does not quote what it was given",
    async (_, environment: Record<string, string>, message) => {
      const filled = Object.fromEntries(
        Object.entries(environment).map(([name, value]) => [name, value === "SECRET" ? secret : value]),
      );
      const { child, output } = start(filled);
      const [code] = (await once(child, "close")) as [number];
      expect([code, output.text.includes(message), output.text.includes("canary")]).toEqual([1, true, false]);
    },
  );
});
