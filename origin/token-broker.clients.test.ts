/** The Edge Function as it is deployed, in Deno: it type-checks, starts, serves a token over a real connection, and refuses to start. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BROKER_SECRET_HEADER } from "../contract/headers.ts";
import { fromPglite } from "./database/embedded.ts";
import { prepare } from "./testing/database.ts";
import { newRequestId, newSecret } from "./testing/origin.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FUNCTION = "supabase/functions/token-broker/index.ts";
const USER = "00000000-0000-4000-8000-000000000001";

/** Deno in PATH or beside the other tools. */
const deno = [join(ROOT, "node_modules/.bin"), ...(process.env["PATH"] ?? "").split(delimiter)]
  .map((folder) => join(folder, "deno"))
  .find((file) => existsSync(file));
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
  let server: PGLiteSocketServer;
  let port: number;

  beforeAll(async () => {
    pglite = await PGlite.create();
    const database = fromPglite(pglite);
    await prepare(database);
    await database.query("select mcpist.connect_account($1::uuid, 'time', $2, '{}', 3600)", [
      USER,
      JSON.stringify({ access_token: "access-token", refresh_token: "canary-refresh" }),
    ]);
    port = 20_000 + Math.floor(Math.random() * 20_000);
    server = new PGLiteSocketServer({ db: pglite, host: "127.0.0.1", port, maxConnections: 10 });
    await server.start();
  });
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await server.stop();
    await pglite.close();
  });

  function start(environment: Readonly<Record<string, string>>) {
    const flags = [
      "run",
      "--no-prompt",
      "--no-remote",
      "--node-modules-dir=manual",
      "--allow-env",
      "--allow-net=127.0.0.1",
      "--allow-read",
      "--allow-sys",
    ];
    const child = spawn(program, [...flags, FUNCTION], {
      cwd: ROOT,
      env: {
        PATH: process.env["PATH"],
        HOME: process.env["HOME"],
        DENO_NO_UPDATE_CHECK: "1",
        DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0",
        BROKER_DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/postgres`,
        ...environment,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.push(child);
    const output = { text: "" };
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output.text += String(chunk)));
    return { child, output };
  }

  it("type-checks", () => {
    const check = ["check", "--quiet", "--no-remote", "--node-modules-dir=manual", FUNCTION];
    expect(() => execFileSync(program, check, { cwd: ROOT, stdio: "pipe" })).not.toThrow();
  });

  it("serves a token to its caller and nothing to others", async () => {
    const { output } = start({ BROKER_SECRET_A: secret });
    await expect.poll(() => output.text, { timeout: 20_000 }).toMatch(/http:\/\/127\.0\.0\.1:\d+\//);
    const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(output.text)?.[0] ?? "";
    const ask = (headers: Record<string, string>) =>
      fetch(url, { method: "POST", headers, body: JSON.stringify({ request_id: newRequestId(), user_id: USER, module: "time" }) });
    const reply = await ask({ [BROKER_SECRET_HEADER]: secret });
    expect([reply.status, await reply.json()]).toMatchObject([200, { access_token: "access-token" }]);
    expect((await ask({ authorization: `Bearer ${secret}` })).status).toBe(403);
    await expect.poll(() => output.text).toContain('"reason":"caller"');
    expect(output.text).not.toContain(secret);
    expect(output.text).not.toContain("canary");
  });

  it.each([
    ["a secret", {}, "BROKER_SECRET_A"],
    ["a well-formed secret", { BROKER_SECRET_A: "canary" }, "BROKER_SECRET_A must be 64"],
    ["readable providers", { BROKER_SECRET_A: "SECRET", MCPIST_PROVIDERS: "{canary" }, "MCPIST_PROVIDERS must be JSON"],
    [
      "https providers",
      { BROKER_SECRET_A: "SECRET", MCPIST_PROVIDERS: '{"x":{"tokenUrl":"http://canary.example","clientId":"a","clientSecret":"b"}}' },
      "MCPIST_PROVIDERS needs",
    ],
  ])("does not start without %s, and does not quote what it was given", async (_, environment: Record<string, string>, message) => {
    const filled = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, value === "SECRET" ? secret : value]));
    const { child, output } = start(filled);
    const [code] = (await once(child, "close")) as [number];
    expect([code, output.text.includes(message), output.text.includes("canary")]).toEqual([1, true, false]);
  });
});
