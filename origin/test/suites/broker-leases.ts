/** Refreshes that take long, come together, are overtaken or are cut off: what one user's provider does to others, and to the grant. */
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BROKER_SECRET_HEADER } from "../../../contract/headers.ts";
import type { Query } from "../../../supabase/functions/token-broker/parts.ts";
import {
  ACCESS,
  askFor,
  connect,
  connectedUser,
  connectionOf,
  nthTokens,
  REFRESH,
  startProvider,
  testBroker,
  type ProviderAnswer,
  type TestBroker,
  type TestProvider,
} from "../broker.ts";
import type { TestDatabase } from "../database.ts";

/** More users than the broker has connections to the database. */
const MANY = 12;

export function describeBrokerLeases(database: () => TestDatabase): void {
  describe("token broker's leases", () => {
    let provider: TestProvider;
    /** Ends the waiting of the n-th request at the provider. */
    const held: ((answer: ProviderAnswer | null) => void)[] = [];
    beforeAll(async () => {
      provider = await startProvider();
    });
    beforeEach(() => provider.reset());
    afterEach(() => {
      for (const release of held.splice(0)) release(null);
    });
    afterAll(() => provider.close());

    /** From now on the provider answers when a test lets it. */
    const hold = () => {
      provider.answer = () => new Promise((resolve) => held.push(resolve));
    };
    const asked = (count: number) => expect.poll(() => provider.asked.length).toBe(count);
    const ask = async ({ handle, secret }: TestBroker, userId: string, rejected?: string) => {
      const body = JSON.stringify({ ...askFor(userId), ...(rejected === undefined ? {} : { rejected }) });
      const response = await handle(
        new Request("https://broker.example/", { method: "POST", headers: { [BROKER_SECRET_HEADER]: secret }, body }),
      );
      const text = await response.text();
      return [response.status, text === "" ? null : (JSON.parse(text) as { access_token: string }).access_token];
    };
    const endLease = (userId: string) =>
      database().admin.query(
        "update mcpist.connections set lease_until = now() - interval '1 second' where user_id = $1::uuid",
        [userId],
      );
    const broker = (query?: (ask: Query) => Query) =>
      testBroker(database(), provider, query ? { database: { query: query(database().broker.query) } } : {});

    it("let a slow provider of many users hold up nobody else", async () => {
      hold();
      const instance = broker();
      const slow = await Promise.all(Array.from({ length: MANY }, () => connectedUser(database(), 1)));
      const answers = slow.map((userId) => ask(instance, userId));
      await asked(MANY);
      provider.answer = () => nthTokens(99);
      expect(await ask(instance, await connectedUser(database(), 3600))).toEqual([200, ACCESS]);
      expect(await ask(instance, await connectedUser(database(), 1))).toEqual([200, `${ACCESS}-99`]);
      held.forEach((release, n) => release(nthTokens(n)));
      expect((await Promise.all(answers)).map(([status]) => status)).toEqual(Array.from({ length: MANY }, () => 200));
    });

    it("hold no transaction open while the provider is asked", async () => {
      hold();
      const userId = await connectedUser(database(), 1);
      const answer = ask(broker(), userId);
      await asked(1);
      // An update of the same row would wait for a transaction that holds it.
      await database().admin.query("update mcpist.connections set updated_at = now() where user_id = $1::uuid", [
        userId,
      ]);
      held[0]?.(nthTokens(1));
      expect(await answer).toEqual([200, `${ACCESS}-1`]);
    });

    it("let two instances ask the provider once, and give both the new token", async () => {
      hold();
      const userId = await connectedUser(database(), 1);
      const first = ask(broker(), userId);
      await asked(1);
      let looks = 0;
      const second = ask(
        broker((query) => (...statement) => {
          if (statement[0].includes("broker_open")) looks++;
          return query(...statement);
        }),
        userId,
      );
      await expect.poll(() => looks).toBeGreaterThan(1);
      held[0]?.(nthTokens(1));
      expect(await Promise.all([first, second])).toEqual([
        [200, `${ACCESS}-1`],
        [200, `${ACCESS}-1`],
      ]);
      expect(provider.asked).toHaveLength(1);
    });

    it("let whoever waits give up at last, and leave the connection as it is", async () => {
      hold();
      const userId = await connectedUser(database(), 1);
      const first = ask(broker(), userId);
      await asked(1);
      const impatient = testBroker(database(), provider, { sleep: () => Promise.resolve() });
      expect(await ask(impatient, userId)).toEqual([503, null]);
      expect(impatient.lines).toMatchObject([{ reason: "busy", httpStatus: 503 }]);
      held[0]?.(nthTokens(1));
      expect(await first).toEqual([200, `${ACCESS}-1`]);
    });

    it("are given back at once when the provider has no answer, so that the next request asks it again", async () => {
      const instance = broker();
      const userId = await connectedUser(database(), 1);
      provider.answer = () => ({ status: 500, body: {} });
      expect(await ask(instance, userId)).toEqual([503, null]);
      provider.answer = nthTokens;
      expect(await ask(instance, userId)).toEqual([200, `${ACCESS}-2`]);
    });

    it("end when their holder died, and the next one refreshes", async () => {
      hold();
      const userId = await connectedUser(database(), 1);
      const dead = ask(broker(), userId);
      await asked(1);
      await endLease(userId);
      const next = ask(broker(), userId);
      await asked(2);
      held[1]?.(nthTokens(2));
      expect(await next).toEqual([200, `${ACCESS}-2`]);
      // The first comes back after all: what it has is not stored over what is newer, and not given out.
      held[0]?.(nthTokens(1));
      expect(await dead).toEqual([503, null]);
      expect((await connectionOf(database(), userId))?.tokens).toEqual({
        access_token: `${ACCESS}-2`,
        refresh_token: `${REFRESH}-2`,
      });
    });

    it.each([
      ["its new token is neither stored nor given out", () => nthTokens(1)],
      ["its refusal does not break the new connection", () => ({ status: 400, body: { error: "invalid_grant" } })],
    ])("end when the account is connected again: %s", async (_, answer) => {
      hold();
      const userId = await connectedUser(database(), 1);
      const old = ask(broker(), userId);
      await asked(1);
      await connect(database(), userId, 3600, { access_token: "new-account", refresh_token: "new-refresh" });
      held[0]?.(answer());
      expect((await old)[1]).toBeNull();
      expect(await connectionOf(database(), userId)).toEqual({
        status: "active",
        tokens: { access_token: "new-account", refresh_token: "new-refresh" },
      });
      expect(await ask(broker(), userId)).toEqual([200, "new-account"]);
    });

    it("are understood by a broker of an earlier version, which is still deployed when the database is migrated", async () => {
      const { query } = database().broker;
      const userId = await connectedUser(database(), 1);
      const [opened] = await query<{ state: string; refresh_token: string; lease: string }>(
        "select * from mcpist.broker_open($1::uuid, 'lab', null)",
        [userId],
      );
      expect(opened).toMatchObject({ state: "refresh", refresh_token: REFRESH });
      const stored = await query<{ scopes: string[] }>(
        "select * from mcpist.broker_store($1::uuid, 'lab', $2::uuid, 'a', 'r', 3600, 'repo')",
        [userId, opened?.lease ?? ""],
      );
      expect(stored).toMatchObject([{ scopes: ["repo"] }]);
      const states: string[] = [];
      for (const rejected of [null, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"])
        states.push(
          (
            await query<{ state: string }>("select state from mcpist.broker_open($1::uuid, 'lab', $2)", [
              userId,
              rejected,
            ])
          )[0]?.state ?? "",
        );
      expect(states).toEqual(["token", "busy"]);
    });

    it("refresh a refused token once a minute, however often it is refused", async () => {
      const userId = await connectedUser(database(), null);
      const instance = broker();
      const digest = (token: string) => createHash("sha256").update(token).digest("hex");
      expect(await ask(instance, userId, digest(ACCESS))).toEqual([200, `${ACCESS}-1`]);
      for (let n = 0; n < 5; n++) expect(await ask(instance, userId, digest(`${ACCESS}-1`))).toEqual([503, null]);
      expect(provider.asked).toHaveLength(1);
      expect(instance.lines.filter(({ event }) => event === "broker_denied")).toMatchObject([{ reason: "recent" }]);
      await database().admin.query(
        "update mcpist.connections set refreshed_at = refreshed_at - interval '1 minute' where user_id = $1::uuid",
        [userId],
      );
      expect(await ask(instance, userId, digest(`${ACCESS}-1`))).toEqual([200, `${ACCESS}-2`]);
    });

    it("store a new token at the second try when the first failed", async () => {
      const userId = await connectedUser(database(), 1);
      let failed = false;
      const flaky = broker((query) => (...statement) => {
        if (failed || !statement[0].includes("broker_store")) return query(...statement);
        failed = true;
        return Promise.reject(new Error("connection lost"));
      });
      expect(await ask(flaky, userId)).toEqual([200, `${ACCESS}-1`]);
      expect((await connectionOf(database(), userId))?.tokens.refresh_token).toBe(`${REFRESH}-1`);
    });

    it("give the stored token when only the answer to storing it was lost", async () => {
      const userId = await connectedUser(database(), 1);
      let lost = false;
      const flaky = broker((query) => async (...statement) => {
        const rows = await query(...statement);
        if (lost || !statement[0].includes("broker_store")) return rows as never;
        lost = true;
        throw new Error("connection lost");
      });
      for (let n = 0; n < 2; n++) expect(await ask(flaky, userId)).toEqual([200, `${ACCESS}-1`]);
      expect(provider.asked).toHaveLength(1);
    });
  });
}
