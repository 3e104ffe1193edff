/** The token broker against the database: who may ask, what comes back, and what never does. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BROKER_SECRET_HEADER as CONTRACT_HEADER } from "../../../contract/headers.ts";
import { SAFE_NAME } from "../../../contract/security-event.ts";
import { BROKER_SECRET_HEADER, createCredentialCheck } from "../../../supabase/functions/token-broker/credential.ts";
import {
  ACCESS,
  askFor as request,
  CLIENT_SECRET,
  connectedUser,
  connectionOf,
  reachedBy,
  REFRESH,
  startProvider,
  testBroker,
  type TestBroker,
  type TestProvider,
} from "../broker.ts";
import type { TestDatabase } from "../database.ts";
import { callTool, newRequestId, newSecret, newUser, resultOf, startOrigin } from "../origin.ts";

export function describeBroker(database: () => TestDatabase): void {
  describe("token broker", () => {
    const [a, b] = [newSecret(), newSecret()];
    let provider: TestProvider;
    let broker: TestBroker;

    beforeAll(async () => {
      provider = await startProvider();
      broker = testBroker(database(), provider, { isCaller: createCredentialCheck(a, b) });
    });
    afterAll(() => provider.close());
    beforeEach(() => provider.reset());

    const ask = (body: unknown, headers: Record<string, string> = { [BROKER_SECRET_HEADER]: a }, method = "POST") =>
      broker.handle(
        new Request("https://broker.example/", {
          method,
          headers,
          ...(method === "POST" ? { body: typeof body === "string" ? body : JSON.stringify(body) } : {}),
        }),
      );
    const connect = (expiresIn: number | null, secret?: unknown) => connectedUser(database(), expiresIn, secret);
    const stateOf = (userId: string) => connectionOf(database(), userId);

    it("names its header and its modules as the contract does", () => {
      expect(BROKER_SECRET_HEADER).toBe(CONTRACT_HEADER);
      expect(SAFE_NAME.source).toBe("^[A-Za-z0-9_.-]{1,64}$");
    });

    it.each([
      ["nothing", {}],
      ["an empty secret", { [BROKER_SECRET_HEADER]: "" }],
      ["a wrong secret", { [BROKER_SECRET_HEADER]: "0".repeat(64) }],
      ["the secret twice", { [BROKER_SECRET_HEADER]: `${a}, ${a}` }],
      ["a user's JWT", { authorization: "Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.x" }],
      ["the anon key", { apikey: "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.x" }],
      [
        "the service key",
        { authorization: "Bearer eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.x", apikey: "x" },
      ],
      ["the secret as a bearer", { authorization: `Bearer ${a}` }],
      ["a gateway secret", { "x-gateway-secret": a }],
    ])("answers 403 without a body to a caller with %s", async (_, headers: Record<string, string>) => {
      const userId = await connect(3600);
      const response = await ask(request(userId), headers);
      expect([response.status, await response.text()]).toEqual([403, ""]);
    });

    it("accepts either of two secrets, and refuses to start without one", async () => {
      const userId = await connect(3600);
      for (const secret of [a, b])
        expect((await ask(request(userId), { [BROKER_SECRET_HEADER]: secret })).status).toBe(200);
      const only = createCredentialCheck(a, "revoked:0000000000000000");
      expect([only(a), only(b), only("revoked:0000000000000000"), only(""), only(null)]).toEqual([
        true,
        false,
        false,
        false,
        false,
      ]);
      const refused: readonly (readonly [string | undefined, string | undefined])[] = [
        [undefined, undefined],
        ["revoked:0000000000000000", undefined],
        ["short", a],
        ["", a],
      ];
      for (const [first, second] of refused)
        expect(() => createCredentialCheck(first, second)).toThrow(/BROKER_SECRET_A/);
    });

    it("returns a token that is still good without asking the provider", async () => {
      const userId = await connect(3600);
      const reply = (await (await ask(request(userId))).json()) as { access_token: string; expires_at: number };
      expect(reply.access_token).toBe(ACCESS);
      expect(reply.expires_at - Date.now() / 1000).toBeGreaterThan(3_500);
      const forever = await connect(null);
      expect(await (await ask(request(forever))).json()).toEqual({
        access_token: ACCESS,
        expires_at: null,
        scopes: [],
      });
      expect(provider.asked).toEqual([]);
    });

    it("refreshes a token a minute before its end, and keeps the new refresh token", async () => {
      const userId = await connect(59);
      const response = await ask(request(userId));
      const text = await response.text();
      expect(JSON.parse(text)).toMatchObject({ access_token: `${ACCESS}-1` });
      expect(text).not.toContain(REFRESH);
      expect(provider.asked.map((sent) => Object.fromEntries(sent))).toEqual([
        { grant_type: "refresh_token", refresh_token: REFRESH },
      ]);
      expect((await stateOf(userId))?.tokens).toEqual({ access_token: `${ACCESS}-1`, refresh_token: `${REFRESH}-1` });
      expect(await (await ask(request(userId))).json()).toMatchObject({ access_token: `${ACCESS}-1` });
      expect(provider.asked).toHaveLength(1);
    });

    it("uses one refresh token once when ten requests come together, and the grant survives", async () => {
      const userId = await connect(1);
      const replies = await Promise.all(Array.from({ length: 10 }, async () => (await ask(request(userId))).json()));
      expect(new Set(replies.map((reply) => (reply as { access_token: string }).access_token))).toEqual(
        new Set([`${ACCESS}-1`]),
      );
      expect(provider.asked).toHaveLength(1);
    });

    it("refreshes a token that the provider refused, once, although it had not expired", async () => {
      const userId = await connect(null);
      const rejected = createHash("sha256").update(ACCESS).digest("hex");
      for (let n = 0; n < 2; n++)
        expect(await (await ask({ ...request(userId), rejected })).json()).toMatchObject({
          access_token: `${ACCESS}-1`,
        });
      expect(provider.asked).toHaveLength(1);
      expect((await ask({ ...request(userId), rejected: ACCESS })).status).toBe(400);
    });

    it("asks the user to connect again when a token was refused and cannot be refreshed, and breaks nothing on a caller's word", async () => {
      const userId = await connect(null, { access_token: ACCESS });
      const rejected = createHash("sha256").update(ACCESS).digest("hex");
      expect((await ask({ ...request(userId), rejected })).status).toBe(404);
      expect((await stateOf(userId))?.status).toBe("active");
      expect(await (await ask(request(userId))).json()).toMatchObject({ access_token: ACCESS });
    });

    it("keeps the old refresh token where the provider sends no new one", async () => {
      provider.answer = () => ({ status: 200, body: { access_token: "next", expires_in: 60 } });
      const userId = await connect(1);
      await ask(request(userId));
      expect((await stateOf(userId))?.tokens).toEqual({ access_token: "next", refresh_token: REFRESH });
    });

    it("keeps the scopes of a connection, and takes over those that a refresh names", async () => {
      const ends = () =>
        database().admin.query("update mcpist.connections set access_expires_at = now() where user_id = $1::uuid", [
          userId,
        ]);
      const scopes = async () => ((await (await ask(request(userId))).json()) as { scopes: readonly string[] }).scopes;
      const userId = await connectedUser(database(), 3600, undefined, "{repo,gist}");
      const seen = [await scopes()];
      for (const scope of [undefined, "repo,read:org", "gist", ""]) {
        provider.answer = (count) => ({ status: 200, body: { access_token: `next-${count}`, scope } });
        await ends();
        seen.push(await scopes());
      }
      expect(seen).toEqual([["repo", "gist"], ["repo", "gist"], ["repo", "read:org"], ["gist"], []]);
    });

    it.each([
      ["invalid_grant", { status: 400, body: { error: "invalid_grant", error_description: REFRESH } }],
      ["GitHub's bad_refresh_token with status 200", { status: 200, body: { error: "bad_refresh_token" } }],
    ])("asks the user to connect again after %s", async (_, reply) => {
      provider.answer = () => reply;
      const userId = await connect(1);
      const response = await ask(request(userId));
      expect([response.status, await response.text()]).toEqual([404, ""]);
      expect((await stateOf(userId))?.status).toBe("broken");
      expect((await ask(request(userId))).status).toBe(404);
      expect(provider.asked).toHaveLength(1);
    });

    it.each([
      ["answers 500", { status: 500, body: { error: "server_error", token: REFRESH } }],
      ["redirects", { status: 307, body: {}, headers: { location: "http://127.0.0.1:1/" } }],
      ["sends no token", { status: 200, body: {} }],
    ])("leaves the connection as it is when the provider %s", async (_, reply) => {
      provider.answer = () => reply;
      const userId = await connect(1);
      const response = await ask(request(userId));
      expect([response.status, await response.text()]).toEqual([503, ""]);
      expect(await stateOf(userId)).toEqual({
        status: "active",
        tokens: { access_token: ACCESS, refresh_token: REFRESH },
      });
    });

    const strangers: readonly (readonly [string, () => Promise<unknown>])[] = [
      [
        "another user",
        async () => request((await connect(3600), await newUser(database(), { grants: [["lab", "token"]] }))),
      ],
      ["another module", async () => request(await connect(3600), "github")],
      [
        "a user whose grant was revoked",
        async () => {
          const userId = await connect(3600);
          await database().admin.query("select mcpist.revoke_tool($1::uuid, 'lab', 'token', 'test')", [userId]);
          return request(userId);
        },
      ],
      [
        "a suspended user",
        async () => {
          const userId = await connect(3600);
          await database().admin.query("select mcpist.set_status($1::uuid, 'suspended')", [userId]);
          return request(userId);
        },
      ],
    ];
    it.each(strangers)("gives no token for %s", async (_, make) => {
      const response = await ask(await make());
      expect([response.status, await response.text()]).toEqual([404, ""]);
    });

    it.each([
      ["no JSON", "{"],
      ["an array", "[]"],
      ["null", "null"],
      ["a user that is SQL", { request_id: newRequestId(), user_id: "' or 1=1 --", module: "lab" }],
      ["a module with a line break", { request_id: newRequestId(), user_id: newRequestId(), module: "lab\n" }],
      ["too much", { request_id: newRequestId(), user_id: newRequestId(), module: "lab", more: "x".repeat(5_000) }],
    ])("answers 400 to %s", async (_, body) => {
      expect((await ask(body)).status).toBe(400);
    });

    it("answers 405 to other methods, but only to its callers", async () => {
      expect((await ask(null, { [BROKER_SECRET_HEADER]: a }, "GET")).status).toBe(405);
      expect((await ask(null, {}, "GET")).status).toBe(403);
    });

    it("writes each denial down, and no token ever", async () => {
      const userId = await connect(1);
      provider.answer = () => ({ status: 500, body: {} });
      const sent = request(userId);
      await ask(sent);
      await broker.settle();
      const rows = await database().admin.query(
        "select layer, event, severity, user_id::text as user_id, module, http_status from mcpist.security_events where request_id = $1::uuid",
        [sent.request_id],
      );
      expect(rows).toEqual([
        { layer: "broker", event: "broker_denied", severity: "warn", user_id: userId, module: "lab", http_status: 503 },
      ]);
      const written = JSON.stringify([
        broker.lines,
        await database().admin.query("select e.event, e.module, e.tool, e.name_hash from mcpist.security_events e"),
      ]);
      for (const canary of [REFRESH, ACCESS, CLIENT_SECRET, a, b]) expect(written).not.toContain(canary);
    });

    it("serves the origin's client end to end, and the token stays out of results and logs", async () => {
      const userId = await connect(3600, { access_token: "canary-access", refresh_token: REFRESH });
      const origin = await startOrigin(database(), {
        config: { brokerUrl: "https://broker.example/token" },
        brokerSecret: a,
        fetch: reachedBy(broker),
      });
      const text = await (await callTool(origin, userId, "lab", "token")).text();
      expect(text).toContain("[secret]");
      expect(text).not.toContain("canary-access");
      const stranger = await newUser(database(), { grants: [["lab", "token"]] });
      expect(await resultOf(await callTool(origin, stranger, "lab", "token"))).toMatchObject({
        isError: true,
        content: [{ text: "Connect your account for this module first." }],
      });
      expect(origin.events("broker_denied")).toMatchObject([{ reason: "connect", userId: stranger, module: "lab" }]);
      expect(broker.lines).toContainEqual(expect.objectContaining({ event: "token_given", userId }));
      for (const canary of ["canary-access", REFRESH, CLIENT_SECRET, a])
        expect(JSON.stringify([origin.lines, broker.lines])).not.toContain(canary);
      await origin.stop();
    });
  });
}
