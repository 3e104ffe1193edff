/** Connected accounts in the database: what begins and ends with them, and which changes origins hear of. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { TestDatabase } from "../database.ts";
import {
  ACCESS,
  askFor,
  connect,
  connectedUser,
  connectionOf,
  nthTokens,
  reachedBy,
  REFRESH,
  startProvider,
  testBroker,
  type TestProvider,
} from "../broker.ts";
import { BROKER_SECRET_HEADER } from "../../../contract/headers.ts";
import { callTool, newUser, startOrigin, type TestOrigin } from "../origin.ts";
import { PERMISSIONS_TTL_MS } from "../../sieve/permissions.ts";

export function describeConnections(database: () => TestDatabase): void {
  describe("connected accounts", () => {
    let provider: TestProvider;
    beforeAll(async () => {
      provider = await startProvider();
    });
    beforeEach(() => provider.reset());
    afterAll(() => provider.close());

    const run = (sql: string, userId: string) => database().admin.query(sql, [userId]);
    const versionOf = async (userId: string) => {
      const [row] = await database().admin.query<{ v: number }>(
        "select permissions_version::int as v from mcpist.users where user_id = $1::uuid",
        [userId],
      );
      return row?.v ?? 0;
    };
    const secretsOf = async (userId: string) => {
      const rows = await database().admin.query<{ secret: string }>(
        "select decrypted_secret as secret from vault.decrypted_secrets where name = 'mcpist/' || $1 || '/lab'",
        [userId],
      );
      return rows.map(({ secret }) => (JSON.parse(secret) as { access_token: string }).access_token);
    };

    it("raise the user's version when they are connected, connected again, broken or disconnected", async () => {
      const userId = await newUser(database(), { grants: [["lab", "token"]] });
      const versions = [await versionOf(userId)];
      const steps: readonly (() => Promise<unknown>)[] = [
        () => connect(database(), userId, 3600),
        () => connect(database(), userId, 3600),
        () => run("update mcpist.connections set status = 'broken' where user_id = $1::uuid", userId),
        () => run("select mcpist.disconnect_account($1::uuid, 'lab')", userId),
      ];
      for (const step of steps) {
        await step();
        versions.push(await versionOf(userId));
      }
      expect(versions.every((version, i) => i === 0 || version > (versions[i - 1] ?? 0))).toBe(true);
    });

    it("do not raise the version by a refresh, done or failed, which would empty every cache", async () => {
      const userId = await connectedUser(database(), 1);
      const before = await versionOf(userId);
      const { handle, secret } = testBroker(database(), provider);
      const ask = () =>
        handle(
          new Request("https://broker.example/", {
            method: "POST",
            headers: { [BROKER_SECRET_HEADER]: secret },
            body: JSON.stringify(askFor(userId)),
          }),
        );
      provider.answer = () => ({ status: 500, body: {} });
      expect((await ask()).status).toBe(503);
      provider.answer = nthTokens;
      expect(await (await ask()).json()).toMatchObject({ access_token: `${ACCESS}-2` });
      expect(await versionOf(userId)).toBe(before);
    });

    const changes: readonly (readonly [string, (origin: TestOrigin) => Promise<void>, number])[] = [
      ["the next poll", (origin) => origin.assembled.pollPermissions(), 1],
      ["the moment that the user's permissions are read anew", () => Promise.resolve(), PERMISSIONS_TTL_MS],
    ];
    it.each(changes)(
      "are used by an origin from %s on when they were connected again, and the old token is not",
      async (_, notice, later) => {
        let now = 0;
        const userId = await connectedUser(database(), 3600, { access_token: "old-account" });
        await run("select mcpist.grant_tool($1::uuid, 'lab', 'read', 'test')", userId);
        const broker = testBroker(database(), provider);
        const given: string[] = [];
        const fetch = reachedBy({
          handle: async (request) => {
            const response = await broker.handle(request);
            given.push(((await response.clone().json()) as { access_token: string }).access_token);
            return response;
          },
        });
        const origin = await startOrigin(database(), {
          config: { brokerUrl: "https://broker.example/token" },
          brokerSecret: broker.secret,
          fetch,
          now: () => now,
        });
        const call = (tool: string) => callTool(origin, userId, "lab", tool).then((response) => response.text());
        // The first poll begins to listen and forgets everybody, whatever has changed.
        await origin.assembled.pollPermissions();
        // The permissions are older than the token.
        await call("read");
        now = 1;
        await call("token");
        await call("token");
        expect(given).toEqual(["old-account"]);
        await connect(database(), userId, 3600, { access_token: "new-account" });
        now = later;
        await notice(origin);
        await call("token");
        expect(given).toEqual(["old-account", "new-account"]);
        await origin.stop();
      },
    );

    it("have one Vault secret each, which is replaced when an account is connected again", async () => {
      const userId = await connectedUser(database(), 3600, { access_token: "first" });
      await connect(database(), userId, 3600, { access_token: "second" });
      expect(await secretsOf(userId)).toEqual(["second"]);
      expect((await connectionOf(database(), userId))?.status).toBe("active");
    });

    const ends: readonly (readonly [string, string])[] = [
      ["an account is disconnected", "select mcpist.disconnect_account($1::uuid, 'lab')"],
      ["a connection is deleted", "delete from mcpist.connections where user_id = $1::uuid"],
      ["the user is deleted", "delete from mcpist.users where user_id = $1::uuid"],
    ];
    it.each(ends)("leave no Vault secret behind when %s", async (_, sql) => {
      const userId = await connectedUser(database(), 3600);
      const other = await connectedUser(database(), 3600);
      await run(sql, userId);
      expect([await secretsOf(userId), await connectionOf(database(), userId)]).toEqual([[], undefined]);
      expect(await secretsOf(other)).toEqual([ACCESS]);
    });

    it("cannot be disconnected where there is none", async () => {
      const userId = await newUser(database());
      await expect(run("select mcpist.disconnect_account($1::uuid, 'lab')", userId)).rejects.toThrow(
        /no such connection/,
      );
    });

    it("are made of a provider's reply as it comes, with its end and its scopes", async () => {
      const userId = await newUser(database());
      const connectReply = async (reply: unknown) => {
        await database().admin.query("select mcpist.connect_reply($1::uuid, 'lab', $2)", [
          userId,
          JSON.stringify(reply),
        ]);
        return (
          await database().admin.query(
            `select scopes, access_expires_at > now() + interval '59 seconds' as ends, v.decrypted_secret::json ->> 'access_token' as access
             from mcpist.connections c join vault.decrypted_secrets v on v.id = c.vault_secret_id where user_id = $1::uuid`,
            [userId],
          )
        )[0];
      };
      const tokens = { access_token: "a", refresh_token: "r", token_type: "bearer" };
      expect(await connectReply({ ...tokens, expires_in: 3600, scope: "repo,gist" })).toEqual({
        scopes: ["repo", "gist"],
        ends: true,
        access: "a",
      });
      // What can be refreshed is not kept for ever.
      expect(await connectReply({ ...tokens, scope: "" })).toEqual({ scopes: [], ends: true, access: "a" });
      expect(await connectReply({ access_token: "a" })).toEqual({ scopes: [], ends: null, access: "a" });
      for (const wrong of [
        { error: "bad_verification_code" },
        "canary",
        { ...tokens, expires_in: "canary" },
        { ...tokens, expires_in: "NaN" },
        { ...tokens, expires_in: [60] },
        { ...tokens, access_token: "a\u0000canary" },
      ])
        await expect(connectReply(wrong)).rejects.toThrow(/^(?!.*canary)/);
      expect(await secretsOf(userId)).toEqual(["a"]);
    });

    it.each([
      [3600, 3600],
      ["3600", 3600],
      [3599.9, 3599],
      ["28800.0", 28_800],
      [0, 0],
      [-1, 0],
      [2_147_483_648, 31_536_000],
      [1e17, 31_536_000],
      [null, 86_400],
      [undefined, 86_400],
    ])("end, where a reply says expires_in %j, after %i seconds", async (expires, seconds) => {
      const userId = await newUser(database());
      await database().admin.query("select mcpist.connect_reply($1::uuid, 'lab', $2)", [
        userId,
        JSON.stringify({ access_token: "a", refresh_token: "r", expires_in: expires }),
      ]);
      const [row] = await database().admin.query<{ seconds: number }>(
        "select extract(epoch from access_expires_at - updated_at)::float8 as seconds from mcpist.connections where user_id = $1::uuid",
        [userId],
      );
      expect(row?.seconds).toBe(seconds);
    });

    it.each([
      ["no JSON", `canary ${REFRESH}`],
      ["JSON that is no object", `["${REFRESH}"]`],
      ["an error of a provider", `{"error":"bad_verification_code","error_description":"${REFRESH}"}`],
      ["a token that is no text", `{"access_token":{"canary":1}}`],
    ])("are not made of %s, and the error repeats nothing of it", async (_, secret) => {
      const userId = await connectedUser(database(), 3600);
      const error: unknown = await database()
        .admin.query("select mcpist.connect_account($1::uuid, 'lab', $2, '{}', null)", [userId, secret])
        .catch((cause: unknown) => cause);
      const { message, detail, where } = error as { message: string; detail?: string; where?: string };
      expect(message).toContain("must be a JSON object");
      expect([message, detail, where].join(" ")).not.toContain("canary");
      expect(await secretsOf(userId)).toEqual([ACCESS]);
    });
  });
}
