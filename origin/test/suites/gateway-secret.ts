/** The gateway secret and identity, over real sockets. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  GATEWAY_SECRET_HEADER,
  OBSERVATION_PATH,
  REQUEST_ID_HEADER,
  USER_ID_HEADER,
} from "../../../contract/headers.ts";
import { kidOf, parseSecret, tombstone } from "../../../contract/gateway-secret.ts";
import { parseOriginObservation } from "../../../contract/observation.ts";
import { OBSERVE_BURST } from "../../http/observe.ts";
import type { TestDatabase } from "../database.ts";
import { callTool, newRequestId, newSecret, newUser, post, startOrigin, type TestOrigin } from "../origin.ts";
import { HEAD, raw } from "../raw.ts";

async function kid(secret: string): Promise<string> {
  const parsed = parseSecret(secret);
  return parsed.ok ? kidOf(parsed.value) : "";
}

export function describeGatewaySecret(database: () => TestDatabase): void {
  describe("gateway secret at the origin", () => {
    let origin: TestOrigin;
    let userId: string;
    const old = newSecret();
    beforeAll(async () => {
      origin = await startOrigin(database(), {
        secrets: { GATEWAY_SECRET_A: newSecret(), GATEWAY_SECRET_B: tombstone(await kid(old)) },
      });
      userId = await newUser(database(), { grants: [["lab", "effect"]] });
    });
    afterAll(() => origin.stop());

    it.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])(
      "opens the open paths to reading alone: %s needs it",
      async (method) => {
        for (const path of ["/health", OBSERVATION_PATH]) {
          const response = await fetch(origin.url + path, { method });
          expect([path, response.status, response.headers.get("x-mcpist-deny")]).toEqual([path, 403, "gateway_secret"]);
        }
      },
    );

    it("reads no body of anybody who does not present it: 403 and the end of the connection", async () => {
      const socket = connect(origin.port, "127.0.0.1");
      let answer = "";
      socket.on("data", (chunk) => (answer += chunk.toString()));
      socket.on("error", () => undefined);
      const closed = new Promise((done) => socket.once("close", done));
      socket.write("POST /mcp HTTP/1.1\r\nHost: origin\r\nContent-Length: 100000000\r\n\r\n");
      const chunk = Buffer.alloc(1 << 20, "a");
      let taken = 0;
      const send = (): void => {
        while (!socket.destroyed && taken < 100 && socket.write(chunk)) taken++;
      };
      socket.on("drain", send);
      send();
      await closed;
      expect(answer).toMatch(/^HTTP\/1\.1 403 .*x-mcpist-deny: gateway_secret.*connection: close/is);
      // What the buffers of two sockets hold, and not a hundred megabytes.
      expect(socket.bytesWritten - socket.writableLength).toBeLessThan(30_000_000);
    });

    it("closes the oldest of more than 256 connections that say nothing, and none on which it was presented", async () => {
      const proven = connect(origin.port, "127.0.0.1");
      let answers = "";
      proven.on("data", (chunk) => (answers += chunk.toString()));
      const ask = `GET /health/ready HTTP/1.1\r\nHost: origin\r\n${GATEWAY_SECRET_HEADER}: ${origin.secret}\r\n\r\n`;
      proven.write(ask);
      await expect.poll(() => answers).toContain("200 OK");
      const silent: Socket[] = [];
      for (let i = 0; i < 300; i++) {
        const socket = connect(origin.port, "127.0.0.1");
        socket.on("error", () => undefined);
        await once(socket, "connect");
        silent.push(socket);
      }
      await expect.poll(() => silent.filter((socket) => socket.closed).length).toBeGreaterThanOrEqual(44);
      expect(silent.at(-1)?.closed).toBe(false);
      answers = "";
      proven.write(ask);
      await expect.poll(() => answers).toContain("200 OK");
      for (const socket of [...silent, proven]) socket.destroy();
    });

    const requestWith = (lines: readonly string[]): string =>
      [
        "POST /mcp HTTP/1.1",
        "Host: origin",
        "Content-Type: application/json",
        "Content-Length: 2",
        ...lines,
        "",
        "{}",
      ].join("\r\n");
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
      expect((await raw(origin.port, head, HEAD)).text).toMatch(/^HTTP\/1\.1 403 /);
    });

    it("does not ask for the body of a request without the secret", async () => {
      const head = `POST /mcp HTTP/1.1\r\nHost: origin\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n`;
      const { text } = await raw(origin.port, head, HEAD);
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
      const two = await startOrigin(database(), {
        secrets: { GATEWAY_SECRET_A: a, GATEWAY_SECRET_B: b },
        now: () => now,
      });
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
        marks: {},
        peers: { [await kid(secret)]: { inside: null, outside: null, outsideCount: 0 } },
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
          Array.from(
            { length: OBSERVE_BURST + 20 },
            async () => (await fetch(`${limited.url}${OBSERVATION_PATH}`, { headers })).status,
          ),
        );
      expect((await statuses({ [GATEWAY_SECRET_HEADER]: limited.secret })).every((status) => status === 200)).toBe(
        true,
      );
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
        [
          "a request id of another version",
          () => [`X-User-ID: ${userId}`, `X-Request-ID: 00000000-0000-4000-8000-000000000000`],
        ],
      ];
      it.each(broken)("answers 500 and records an event when the gateway sends %s", async (_, lines) => {
        const { text } = await raw(
          origin.port,
          requestWith([`X-Gateway-Secret: ${origin.secret}`, ...lines(), "Connection: close"]),
        );
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

    it("is there while its database hangs: it says so itself, before the gateway gives up waiting", async () => {
      const hanging = await startOrigin(database(), {
        wrap: (inner) => ({
          ...inner,
          query: (text, ...parameters) =>
            text === "select 1" ? new Promise(() => undefined) : inner.query(text, ...parameters),
        }),
      });
      const headers = { [GATEWAY_SECRET_HEADER]: hanging.secret };
      const ready = await fetch(`${hanging.url}/health/ready`, { headers });
      expect([ready.status, ready.headers.get("x-mcpist-deny")]).toEqual([503, "db"]);
      await hanging.stop();
    });

    it("is alive without a database and ready only with one", async () => {
      const broken = await startOrigin(database(), {
        wrap: (inner) => ({ ...inner, query: () => Promise.reject(new Error("down")) }),
      });
      const health = await fetch(`${broken.url}/health`);
      expect([health.status, await health.text(), health.headers.get("x-mcpist-origin")]).toEqual([
        200,
        '{"status":"ok"}',
        "koyeb",
      ]);
      const headers = { [GATEWAY_SECRET_HEADER]: broken.secret };
      const ready = await fetch(`${broken.url}/health/ready`, { headers });
      expect([ready.status, ready.headers.get("x-mcpist-deny")]).toEqual([503, "db"]);
      expect(
        (await fetch(`${origin.url}/health/ready`, { headers: { [GATEWAY_SECRET_HEADER]: origin.secret } })).status,
      ).toBe(200);
      const call = await post(broken, {
        userId,
        body: "{}",
        headers: { [USER_ID_HEADER]: userId, [REQUEST_ID_HEADER]: newRequestId() },
      });
      expect([call.status, call.headers.get("x-mcpist-deny")]).toEqual([503, "db"]);
      await broken.stop();
    });

    it("shows metrics to the gateway only, without a name that a caller chose", async () => {
      await callTool(origin, userId, "evil", "name");
      const metrics = await (
        await fetch(`${origin.url}/metrics`, { headers: { [GATEWAY_SECRET_HEADER]: origin.secret } })
      ).text();
      expect(metrics).toContain('mcpist_requests_total{outcome="served"}');
      expect(metrics).not.toContain("evil");
    });
  });
}
