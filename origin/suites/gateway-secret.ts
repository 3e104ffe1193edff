/** The gateway secret, identity and the shape of requests, over real sockets. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GATEWAY_SECRET_HEADER, OBSERVATION_PATH, REQUEST_ID_HEADER, USER_ID_HEADER } from "../../contract/headers.ts";
import { kidOf, parseSecret, tombstone } from "../../contract/gateway-secret.ts";
import { parseOriginObservation } from "../../contract/observation.ts";
import { OBSERVE_BURST } from "../observe.ts";
import type { TestDatabase } from "../testing/database.ts";
import { callTool, modern, newRequestId, newSecret, newUser, post, startOrigin, type TestOrigin } from "../testing/origin.ts";

async function kid(secret: string): Promise<string> {
  const parsed = parseSecret(secret);
  return parsed.ok ? kidOf(parsed.value) : "";
}

/** Sends bytes and returns everything that comes back until the origin closes the connection or `ms` pass. */
export async function raw(port: number, bytes: string, ms = 1_000): Promise<{ readonly text: string; readonly closed: boolean }> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString("latin1")));
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(bytes, "latin1");
  const closed = await Promise.race([once(socket, "close").then(() => true), new Promise<false>((done) => setTimeout(done, ms, false))]);
  socket.destroy();
  return { text, closed };
}

export function describeGatewaySecret(database: () => TestDatabase): void {
  describe("gateway secret at the origin", () => {
    let origin: TestOrigin;
    let userId: string;
    const old = newSecret();
    beforeAll(async () => {
      origin = await startOrigin(database(), { secrets: { GATEWAY_SECRET_A: newSecret(), GATEWAY_SECRET_B: tombstone(await kid(old)) } });
      userId = await newUser(database(), { grants: [["lab", "effect"]] });
    });
    afterAll(() => origin.stop());

    const requestWith = (lines: readonly string[]): string =>
      ["POST /mcp HTTP/1.1", "Host: origin", "Content-Type: application/json", "Content-Length: 2", ...lines, "", "{}"].join("\r\n");
    const oneOff = (secret: string): string => `${secret.slice(0, 63)}${secret.endsWith("0") ? "1" : "0"}`;

    const presentations: readonly (readonly [string, (secret: string) => readonly string[]])[] = [
      ["none", () => []],
      ["an empty one", () => [`X-Gateway-Secret: `]],
      ["a wrong one", () => [`X-Gateway-Secret: ${newSecret()}`]],
      ["a short one", (secret) => [`X-Gateway-Secret: ${secret.slice(1)}`]],
      ["one that is off by a character", (secret) => [`X-Gateway-Secret: ${oneOff(secret)}`]],
      ["one in upper case", (secret) => [`X-Gateway-Secret: ${secret.toUpperCase()}`]],
      ["the right one twice", (secret) => [`X-Gateway-Secret: ${secret}`, `x-gateway-secret: ${secret}`]],
      ["the right one joined by a comma", (secret) => [`X-Gateway-Secret: ${secret}, ${secret}`]],
      ["a wrong one before the right one", (secret) => [`X-Gateway-Secret: nope`, `X-GATEWAY-SECRET: ${secret}`]],
      ["the tombstone itself", () => [`X-Gateway-Secret: revoked:0000000000000000`]],
      ["the retired one", () => [`X-Gateway-Secret: ${old}`]],
      ["the right one under a similar name", (secret) => [`X_Gateway_Secret: ${secret}`]],
    ];
    it.each(presentations)("answers 403 without a body to a request with %s", async (_, lines) => {
      const { text } = await raw(origin.port, requestWith([...lines(origin.secret), "Connection: close"]));
      expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
      expect(text).toMatch(/\r\nx-mcpist-deny: gateway_secret\r\n/i);
      expect(text).toMatch(/\r\nx-mcpist-origin: koyeb\r\n/i);
      expect(text.endsWith("\r\n\r\n")).toBe(true);
    });

    it.each([
      "/mcp",
      "/mcp/",
      "/",
      "/metrics",
      "/health/ready",
      "/health/",
      "//health",
      "/HEALTH",
      "/%68ealth",
      "/.well-known/mcpist/gateway/",
    ])("keeps %s behind the secret", async (path) => {
      const { text } = await raw(origin.port, `GET ${path} HTTP/1.1\r\nHost: origin\r\nConnection: close\r\n\r\n`);
      expect(text).toMatch(/^HTTP\/1\.1 403 /);
    });

    it("answers without having read the body", async () => {
      const head = `POST /mcp HTTP/1.1\r\nHost: origin\r\nContent-Length: 100000\r\n\r\n`;
      expect((await raw(origin.port, head, 300)).text).toMatch(/^HTTP\/1\.1 403 /);
    });

    it("does not ask for the body of a request without the secret", async () => {
      const head = `POST /mcp HTTP/1.1\r\nHost: origin\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n`;
      const { text } = await raw(origin.port, head, 300);
      expect(text).toMatch(/^HTTP\/1\.1 403 /);
      expect(text).not.toContain("100 Continue");
    });

    it("names the kid of a retired secret in the log, and of no other", async () => {
      await post({ ...origin, secret: old }, { userId, body: "{}" });
      await post({ ...origin, secret: newSecret() }, { userId, body: "{}" });
      const kids = new Set(origin.events("gateway_secret_rejected").map((event) => event["kid"]));
      expect(kids).toEqual(new Set([undefined, await kid(old)]));
    });

    it("accepts either slot and remembers when, by its own clock", async () => {
      const [a, b] = [newSecret(), newSecret()];
      let now = 0;
      const two = await startOrigin(database(), { secrets: { GATEWAY_SECRET_A: a, GATEWAY_SECRET_B: b }, now: () => now });
      const observe = async () => parseOriginObservation(await (await fetch(`${two.url}${OBSERVATION_PATH}`)).json());
      expect((await observe())?.lastAccepted).toEqual({ [await kid(a)]: null, [await kid(b)]: null });
      expect((await callTool({ ...two, secret: a }, userId, "lab", "read")).status).toBe(200);
      now += 4_999;
      expect((await callTool({ ...two, secret: b }, userId, "lab", "read")).status).toBe(200);
      expect((await observe())?.lastAccepted).toEqual({ [await kid(a)]: 4, [await kid(b)]: 0 });
      await two.stop();
    });

    it("reports kids, says whether a presented secret would do, and does not count that as an acceptance", async () => {
      const secret = newSecret();
      const lone = await startOrigin(database(), { secrets: { GATEWAY_SECRET: secret } });
      const ask = async (value?: string) => {
        const response = await fetch(`${lone.url}${OBSERVATION_PATH}`, {
          headers: value === undefined ? {} : { [GATEWAY_SECRET_HEADER]: value },
        });
        expect(response.headers.get("cache-control")).toBe("no-store");
        return (await response.json()) as Record<string, unknown>;
      };
      const expected = {
        role: "origin",
        instanceId: "instance-1",
        deployment: "deployment-1",
        kids: { legacy: await kid(secret) },
        lastAccepted: { [await kid(secret)]: null },
      };
      expect(await ask()).toEqual(expected);
      expect(await ask(secret)).toEqual({ ...expected, accepted: true });
      expect(await ask(newSecret())).toEqual({ ...expected, accepted: false });
      expect(await ask("")).toEqual({ ...expected, accepted: false });
      await lone.stop();
    });

    it("limits anonymous observations, and not those of the gateway", async () => {
      const now = 5;
      const limited = await startOrigin(database(), { now: () => now });
      const statuses = async (headers: Record<string, string>) =>
        Promise.all(
          Array.from({ length: OBSERVE_BURST + 20 }, async () => (await fetch(`${limited.url}${OBSERVATION_PATH}`, { headers })).status),
        );
      expect((await statuses({ [GATEWAY_SECRET_HEADER]: limited.secret })).every((status) => status === 200)).toBe(true);
      const anonymous = await statuses({});
      expect(anonymous.filter((status) => status === 200)).toHaveLength(OBSERVE_BURST);
      expect(anonymous.filter((status) => status === 429)).toHaveLength(20);
      await limited.stop();
    });

    it("keeps the secret and the identity from tool code and from the log", async () => {
      const response = await callTool(origin, userId, "lab", "effect");
      expect(response.status).toBe(200);
      expect(JSON.stringify(origin.lines)).not.toContain(origin.secret);
      expect(await response.text()).not.toContain(origin.secret);
    });

    describe("identity", () => {
      const id = newRequestId();
      const broken: readonly (readonly [string, () => readonly string[]])[] = [
        ["no user", () => [`X-Request-ID: ${id}`]],
        ["no request id", () => [`X-User-ID: ${userId}`]],
        ["two users", () => [`X-User-ID: ${userId}`, `X-User-ID: ${userId}`, `X-Request-ID: ${id}`]],
        ["two request ids", () => [`X-User-ID: ${userId}`, `X-Request-ID: ${id}`, `x-request-id: ${id}`]],
        ["a user that is no UUID", () => [`X-User-ID: root`, `X-Request-ID: ${id}`]],
        ["a user in upper case", () => [`X-User-ID: ${userId.toUpperCase()}`, `X-Request-ID: ${id}`]],
        ["a request id of another version", () => [`X-User-ID: ${userId}`, `X-Request-ID: 00000000-0000-4000-8000-000000000000`]],
      ];
      it.each(broken)("answers 500 and records an event when the gateway sends %s", async (_, lines) => {
        const { text } = await raw(origin.port, requestWith([`X-Gateway-Secret: ${origin.secret}`, ...lines(), "Connection: close"]));
        expect(text).toMatch(/^HTTP\/1\.1 500 /);
        expect(text).toMatch(/\r\nx-mcpist-deny: identity\r\n/i);
        expect(text).toContain('"code":50001');
        expect(origin.events("identity_malformed").length).toBeGreaterThan(0);
      });

      const strangers: readonly (readonly [string, () => Promise<string>])[] = [
        ["unknown", async () => "11111111-1111-4111-8111-111111111111"],
        ["suspended", () => newUser(database(), { status: "suspended", grants: [["lab", "read"]] })],
      ];
      it.each(strangers)("refuses a user who is %s", async (_, make) => {
        const response = await callTool(origin, await make(), "lab", "read");
        expect(response.status).toBe(403);
        expect(response.headers.get("x-mcpist-deny")).toBe("inactive");
        expect(await response.json()).toMatchObject({ error: { code: 40302, data: { reason: "user.inactive" } } });
      });
    });

    describe("requests that are not what they seem", () => {
      const good = (): string =>
        [
          `X-Gateway-Secret: ${origin.secret}`,
          `X-User-ID: ${userId}`,
          `X-Request-ID: ${newRequestId()}`,
          "Host: origin",
          "Accept: application/json, text/event-stream",
          "Content-Type: application/json",
        ].join("\r\n");
      const call = JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: { name: "call", arguments: { module: "lab", tool: "effect" } },
      });
      const smuggled = (): string => `POST /mcp HTTP/1.1\r\n${good()}\r\nContent-Length: ${call.length}\r\n\r\n${call}`;

      const bodies: readonly (readonly [string, () => string])[] = [
        ["Content-Length and Transfer-Encoding", () => `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
        ["two Content-Length", () => `Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
        ["a folded header", () => `X-Fold: a\r\n b\r\nContent-Length: 2\r\n\r\n{}`],
        ["a bad chunk size", () => `Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`],
        ["a chunk size that overflows", () => `Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n`],
        ["a bare line feed after a header", () => `X-Bare: a\nContent-Length: 2\r\n\r\n{}`],
        ["an obscured Transfer-Encoding", () => `Transfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}`],
        ["an unknown Transfer-Encoding", () => `Transfer-Encoding: chunked, nope\r\nContent-Length: 2\r\n\r\n{}`],
      ];
      it.each(bodies)("answers 400 to %s, closes, and runs nothing that follows", async (_, rest) => {
        const before = origin.lab.effects.length;
        const { text, closed } = await raw(origin.port, `POST /mcp HTTP/1.1\r\n${good()}\r\n${rest()}${smuggled()}`);
        expect(text).toMatch(/HTTP\/1\.1 400 Bad Request\r\n/);
        expect(text).toMatch(/x-mcpist-origin: koyeb/i);
        expect(closed).toBe(true);
        expect(origin.lab.effects.length).toBe(before);
      });

      it("refuses headers over 32 KiB", async () => {
        const { text } = await raw(origin.port, `GET /health HTTP/1.1\r\nHost: origin\r\nX-Long: ${"a".repeat(33_000)}\r\n\r\n`);
        expect(text).toMatch(/^HTTP\/1\.1 431 /);
      });

      const bom = Buffer.from([0xef, 0xbb, 0xbf]);
      it.each([
        ["a batch", `[${call}]`, 400, -32600],
        ["an empty batch", "[]", 400, -32600],
        ["a batch behind a byte order mark", Buffer.concat([bom, Buffer.from(`[${call}]`)]), 400, -32700],
        ["a byte order mark", Buffer.concat([bom, Buffer.from(call)]), 400, -32700],
        ["invalid UTF-8", Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]), 400, -32700],
        ["no JSON", "{", 400, -32700],
        ["an empty body", "", 400, -32700],
        ["more than 4 MiB", `"${"a".repeat(4 * 1024 * 1024)}"`, 413, 41300],
      ] as const)("refuses %s without running anything", async (_, body, status, code) => {
        const before = origin.lab.effects.length;
        const response = await post(origin, { userId, body });
        expect(response.status).toBe(status);
        expect(await response.json()).toMatchObject({ error: { code } });
        expect(origin.lab.effects.length).toBe(before);
      });

      it("refuses a body that grows beyond 4 MiB without having said so", async () => {
        const chunk = `100000\r\n${"a".repeat(0x100000)}\r\n`;
        const head = `POST /mcp HTTP/1.1\r\n${good()}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`;
        const { text } = await raw(origin.port, `${head}${chunk.repeat(5)}0\r\n\r\n`, 3_000);
        expect(text).toMatch(/^HTTP\/1\.1 413 /);
      });

      it("refuses encoded bodies and other media types", async () => {
        const encoded = await post(origin, { userId, body: call, headers: { "content-encoding": "gzip" } });
        expect(encoded.status).toBe(415);
        const text = await post(origin, { userId, body: call, headers: { "content-type": "text/plain" } });
        expect(text.status).toBe(415);
      });

      it.each(["GET", "DELETE", "PUT"])("answers 405 to %s", async (method) => {
        const response = await fetch(`${origin.url}/mcp`, { method, headers: { [GATEWAY_SECRET_HEADER]: origin.secret } });
        expect(response.status).toBe(405);
        expect(response.headers.get("allow")).toBe("POST");
      });

      it("does what the last of two equal JSON keys says, in every part of it", async () => {
        const body = `{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"get_module_schema","name":"call","arguments":{"module":"time","module":"lab","tool":"read","tool":"granted_never"}}}`;
        const response = await post(origin, { userId, body });
        expect(await response.text()).toContain("not available to you");
      });

      it("gives nothing to a caller whose headers and body disagree", async () => {
        const before = origin.lab.effects.length;
        const body = modern("tools/call", { name: "call", arguments: { module: "lab", tool: "effect" } });
        const base = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "call" };
        const attempts: readonly Record<string, string>[] = [
          { ...base, "mcp-name": "get_module_schema", "mcp-param-module": "lab", "mcp-param-tool": "effect" },
          { ...base, "mcp-method": "tools/list", "mcp-param-module": "lab", "mcp-param-tool": "effect" },
          { ...base, "mcp-param-module": "time", "mcp-param-tool": "effect" },
          { ...base, "mcp-param-module": "lab", "mcp-param-tool": "read" },
          { ...base, "mcp-param-module": "lab" },
          { ...base, "mcp-param-module": "lab", "mcp-param-tool": "=?base64?cmVhZA==?=" },
          { ...base, "mcp-param-module": "lab", "mcp-param-tool": "=?base64?PT9iYXNlNjQ/WldabVpXTjA/PQ==?=" },
        ];
        for (const headers of attempts) {
          const response = await post(origin, { userId, body, headers });
          expect(response.status).toBe(400);
          expect(await response.json()).toMatchObject({ error: { code: -32020 } });
        }
        expect(origin.lab.effects.length).toBe(before);
      });
    });

    it("is alive without a database and ready only with one", async () => {
      const broken = await startOrigin(database(), {
        wrap: (inner) => ({ ...inner, query: () => Promise.reject(new Error("down")) }),
      });
      const health = await fetch(`${broken.url}/health`);
      expect([health.status, await health.text(), health.headers.get("x-mcpist-origin")]).toEqual([200, '{"status":"ok"}', "koyeb"]);
      const headers = { [GATEWAY_SECRET_HEADER]: broken.secret };
      const ready = await fetch(`${broken.url}/health/ready`, { headers });
      expect([ready.status, ready.headers.get("x-mcpist-deny")]).toEqual([503, "db"]);
      expect((await fetch(`${origin.url}/health/ready`, { headers: { [GATEWAY_SECRET_HEADER]: origin.secret } })).status).toBe(200);
      const call = await post(broken, { userId, body: "{}", headers: { [USER_ID_HEADER]: userId, [REQUEST_ID_HEADER]: newRequestId() } });
      expect([call.status, call.headers.get("x-mcpist-deny")]).toEqual([503, "db"]);
      await broken.stop();
    });

    it("shows metrics to the gateway only, without a name that a caller chose", async () => {
      await callTool(origin, userId, "evil", "name");
      const metrics = await (await fetch(`${origin.url}/metrics`, { headers: { [GATEWAY_SECRET_HEADER]: origin.secret } })).text();
      expect(metrics).toContain('mcpist_requests_total{outcome="served"}');
      expect(metrics).not.toContain("evil");
    });
  });
}
