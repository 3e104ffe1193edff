/** The origin as a process: how it starts, refuses to start, and ends. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { GATEWAY_SECRET_HEADER, OBSERVATION_PATH, REQUEST_ID_HEADER, USER_ID_HEADER } from "../contract/headers.ts";
import { newRequestId, newSecret } from "./test/origin.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const config = {
  environment: "sandbox",
  origin: "fly",
  upstreams: {},
  httpStatusHosts: [],
  brokerUrl: null,
  alertWebhook: null,
};
/** Nothing listens there; the origin must not need its database to start. */
const DATABASE_URL = "postgres://mcpist_origin:canary-password@127.0.0.1:1/postgres";

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
});

function start(environment: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env["PATH"],
      PORT: "0",
      HOST: "127.0.0.1",
      MCPIST_CONFIG: JSON.stringify(config),
      DATABASE_URL,
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (output.stderr += String(chunk)));
  const ended = once(child, "close").then(([code]) => code as number | null);
  /** Its exit code, or "runs" once it says that it listens: whoever starts although it should not is not waited for. */
  const refused = Promise.race([ended, once(child.stdout, "data").then(() => "runs")]);
  return { child, output, ended, refused };
}

async function portOf({ output }: ReturnType<typeof start>): Promise<number> {
  await expect.poll(() => output.stdout, { interval: 20 }).toContain("\n");
  return (JSON.parse(output.stdout.split("\n")[0] ?? "") as { port: number }).port;
}

describe("origin process", () => {
  it("says on its first line where it listens, serves without a database, and ends with 0 on SIGTERM", async () => {
    const secret = newSecret();
    const origin = start({ GATEWAY_SECRET_B: secret, FLY_MACHINE_ID: "m-1", FLY_MACHINE_VERSION: "v-1" });
    const port = await portOf(origin);
    expect(JSON.parse(origin.output.stdout.split("\n")[0] ?? "")).toMatchObject({
      event: "listening",
      port,
      origin: "fly",
    });
    const observation = await fetch(`http://127.0.0.1:${port}${OBSERVATION_PATH}`, {
      headers: { [GATEWAY_SECRET_HEADER]: secret },
    });
    expect(await observation.json()).toMatchObject({ instanceId: "m-1", deployment: "v-1", accepted: true });
    origin.child.kill("SIGTERM");
    expect(await origin.ended).toBe(0);
    expect(origin.output.stdout + origin.output.stderr).not.toContain(secret);
    expect(origin.output.stdout + origin.output.stderr).not.toContain("canary-password");
  });

  it("ends on SIGTERM although nobody reads its output any more", async () => {
    const secret = newSecret();
    const origin = start({ GATEWAY_SECRET_A: secret, DRAIN_SECONDS: "1" });
    const port = await portOf(origin);
    origin.child.stdout?.removeAllListeners("data").pause();
    // Each user that cannot be looked up is an event of its own: more than a pipe holds.
    const ask = () =>
      fetch(`http://127.0.0.1:${port}/mcp`, {
        method: "POST",
        headers: {
          [GATEWAY_SECRET_HEADER]: secret,
          [USER_ID_HEADER]: randomUUID(),
          [REQUEST_ID_HEADER]: newRequestId(),
        },
      }).then((response) => response.arrayBuffer());
    for (let i = 0; i < 60; i++) await Promise.all(Array.from({ length: 50 }, ask));
    const exited = once(origin.child, "exit");
    origin.child.kill("SIGTERM");
    expect((await exited)[1]).toBeNull();
  });

  it.each([
    ["without a slot", {}, /GATEWAY_SECRET_A or GATEWAY_SECRET_B/],
    ["with a malformed slot", { GATEWAY_SECRET_A: "canary-value" }, /GATEWAY_SECRET_A must be 64/],
    [
      "with an authority that is not there",
      {
        GATEWAY_SECRET_A: newSecret(),
        DATABASE_URL: "postgres://x:canary-value@db.example.com/x?sslmode=verify-full&sslrootcert=/canary-value",
      },
      /DATABASE_URL names a file in sslrootcert that cannot be read here \(ENOENT\)/,
    ],
    ["with a malformed port", { GATEWAY_SECRET_A: "x", PORT: "canary-value" }, /PORT must be a whole number/],
    [
      "with a base URL for no module",
      {
        GATEWAY_SECRET_A: newSecret(),
        MCPIST_CONFIG: JSON.stringify({ ...config, upstreams: { gihub: "https://github.example" } }),
      },
      /no module "gihub" has a base URL/,
    ],
    ["without a configuration", { MCPIST_CONFIG: "" }, /MCPIST_CONFIG must be a JSON object/],
  ])(
    "refuses to start %s, in one sentence that holds no value",
    async (_, environment: Record<string, string>, expected) => {
      const { output, refused } = start(environment);
      expect(await refused).toBe(1);
      expect(output.stdout).toBe("");
      expect(output.stderr).toMatch(expected);
      expect(output.stderr.trim().split("\n")).toHaveLength(1);
      expect(output.stderr).not.toContain("canary");
    },
  );

  it("says so when its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const { output, refused } = start({ GATEWAY_SECRET_A: newSecret(), PORT: String(port) });
    expect(await refused).toBe(1);
    expect(output.stderr).toBe(`mcpist origin: cannot listen on 127.0.0.1:${port} (EADDRINUSE)\n`);
    other.close();
  });
});
