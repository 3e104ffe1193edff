/** What a real server can do to a refresh: hold its row, fail over in the middle of it; and whom a trace names afterwards. */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BROKER_SECRET_HEADER } from "../../../contract/headers.ts";
import {
  ACCESS,
  askFor,
  connectedUser,
  connectionOf,
  REFRESH,
  startProvider,
  testBroker,
  type TestProvider,
} from "../broker.ts";
import type { TestPostgres } from "../postgres.ts";

export function describeBrokerOnPostgres(database: () => TestPostgres): void {
  describe("token broker on a real server", () => {
    let provider: TestProvider;
    beforeAll(async () => {
      provider = await startProvider();
    });
    beforeEach(() => provider.reset());
    afterAll(() => provider.close());

    const ask = async (userId: string, parts: Parameters<typeof testBroker>[2] = {}) => {
      const { handle, secret } = testBroker(database(), provider, parts);
      const sent = askFor(userId);
      const response = await handle(
        new Request("https://broker.example/", {
          method: "POST",
          headers: { [BROKER_SECRET_HEADER]: secret },
          body: JSON.stringify(sent),
        }),
      );
      const text = await response.text();
      return {
        sent,
        seen: [response.status, text === "" ? null : (JSON.parse(text) as { access_token: string }).access_token],
      };
    };
    const kept = async (userId: string) => (await connectionOf(database(), userId))?.tokens;
    const next = { access_token: `${ACCESS}-1`, refresh_token: `${REFRESH}-1` };

    it("keeps what a provider gave although somebody holds the row for longer than a statement waits", async () => {
      const userId = await connectedUser(database(), 1);
      const operator = new pg.Client(database().url("postgres"));
      await operator.connect();
      const stored: Promise<unknown>[] = [];
      provider.answer = async (count) => {
        await operator.query("begin");
        await operator.query("select from mcpist.connections where user_id = $1 for update", [userId]);
        return { status: 200, body: { access_token: `${ACCESS}-${count}`, refresh_token: `${REFRESH}-${count}` } };
      };
      const { seen } = await ask(userId, { later: (work) => void stored.push(work) });
      expect(seen).toEqual([200, `${ACCESS}-1`]);
      await operator.query("commit");
      await operator.end();
      await Promise.all(stored);
      expect(await kept(userId)).toEqual(next);
    });

    it("keeps it over a failover of the database", async () => {
      const userId = await connectedUser(database(), 1);
      const stored: Promise<unknown>[] = [];
      let over: Promise<void> = Promise.resolve();
      provider.answer = async (count) => {
        over = database().restart();
        return { status: 200, body: { access_token: `${ACCESS}-${count}`, refresh_token: `${REFRESH}-${count}` } };
      };
      const { seen } = await ask(userId, { later: (work) => void stored.push(work) });
      expect(seen).toEqual([200, `${ACCESS}-1`]);
      await over;
      await Promise.all(stored);
      expect(await kept(userId)).toEqual(next);
    });

    it("leaves a row for each token that was given, with its request, and a line in the server's log that a rollback does not take back", async () => {
      const userId = await connectedUser(database(), 1);
      const first = await ask(userId);
      const second = await ask(userId);
      const rows = await database().admin.query(
        "select kind, request_id::text as request from mcpist.tokens_given where user_id = $1::uuid order by id",
        [userId],
      );
      expect(rows).toEqual([
        { kind: "refresh", request: first.sent.request_id },
        { kind: "access", request: second.sent.request_id },
      ]);
      const thief = new pg.Client(database().url("mcpist_broker"));
      await thief.connect();
      await thief.query("begin");
      await thief.query("select * from mcpist.broker_open($1, 'lab', null, gen_random_uuid())", [userId]);
      await thief.query("rollback");
      await thief.end();
      expect(
        await database().admin.query("select 1 from mcpist.tokens_given where user_id = $1::uuid", [userId]),
      ).toHaveLength(2);
      await expect
        .poll(() =>
          database()
            .output()
            .match(new RegExp(`LOG:  mcpist: \\w+ token of user ${userId} for module lab`, "g")),
        )
        .toHaveLength(3);
    });
  });
}
