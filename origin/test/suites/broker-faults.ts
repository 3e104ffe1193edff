/**
 * One fault at every step of a refresh, at a provider that rotates refresh tokens and at one that does not: what the user is told, what
 * they are told next time, and whether the connection is still there. Time runs twenty times as fast.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BROKER_SECRET_HEADER } from "../../../contract/headers.ts";
import { PATIENCE_MS } from "../../../supabase/functions/token-broker/find.ts";
import { WINDOW_MS } from "../../../supabase/functions/token-broker/refusals.ts";
import type { Query } from "../../../supabase/functions/token-broker/parts.ts";
import {
  askFor,
  connectedUser,
  connectionOf,
  REFRESH,
  startProvider,
  testBroker,
  type ProviderAnswer,
  type TestProvider,
} from "../broker.ts";
import type { TestDatabase } from "../database.ts";

const SPEED = 20;
const OPEN = "broker_open";
const STORE = "broker_store";
const RELEASE = "broker_release";
const gone = () => Promise.reject(new Error("connection terminated"));

type Kind = "rotates" | "rotates, and forgives" | "does not rotate";
/** HTTP status of the answer, of the next request's, and how the connection stands. null = nobody is there to be answered. */
type Sees = readonly [first: number | null, next: number, status: "active" | "broken"];

interface Fault {
  /** Stands between the first broker and the database. */
  readonly through?: (query: Query) => Query;
  /** What becomes of the n-th reply of the provider, which has done its work. */
  readonly reply?: (n: number, answer: ProviderAnswer) => ProviderAnswer | null | Promise<ProviderAnswer | null>;
  /** False: the provider does not even see the n-th request. */
  readonly arrives?: (n: number) => boolean;
  /** What the first broker does last: its process ends. */
  readonly diesAt?: string;
  readonly sees: Readonly<Record<Kind, Sees>>;
}

/** Passes everything but the statements `name` of which `when` (1 = the first) is true. */
const failing =
  (name: string, when: (n: number) => boolean, after = false) =>
  (query: Query): Query => {
    let n = 0;
    return async (...statement) => {
      if (!statement[0].includes(name) || !when(++n)) return query(...statement);
      if (after) await query(...statement);
      return gone();
    };
  };
const all = (sees: Sees): Fault["sees"] => ({
  rotates: sees,
  "rotates, and forgives": sees,
  "does not rotate": sees,
});
const never = () => new Promise<never>(() => {});

const FAULTS: Readonly<Record<string, Fault>> = {
  "no fault": { sees: all([200, 200, "active"]) },
  "the database is away when it is asked first": {
    through: failing(OPEN, () => true),
    sees: all([503, 200, "active"]),
  },
  "the answer with the lease is lost": { through: failing(OPEN, () => true, true), sees: all([503, 200, "active"]) },
  "the broker is killed while it holds the lease": { diesAt: "provider", sees: all([null, 200, "active"]) },
  "the provider cannot be reached, once": { arrives: (n) => n !== 1, sees: all([200, 200, "active"]) },
  "the provider cannot be reached": { arrives: (n) => n > 2, sees: all([503, 200, "active"]) },
  "the provider's reply is lost": {
    reply: (n, answer) => (n === 1 ? null : answer),
    sees: {
      rotates: [404, 404, "broken"],
      "rotates, and forgives": [200, 200, "active"],
      "does not rotate": [200, 200, "active"],
    },
  },
  "the provider has done its work and answers 500": {
    reply: (n, answer) => (n === 1 ? { status: 500, body: {} } : answer),
    sees: {
      rotates: [503, 404, "broken"],
      "rotates, and forgives": [503, 200, "active"],
      "does not rotate": [503, 200, "active"],
    },
  },
  "the provider's access token cannot be used": {
    reply: (n, { status, body }) => ({
      status,
      body: n === 1 ? { ...(body as object), access_token: "a\u0000b" } : body,
    }),
    sees: all([503, 200, "active"]),
  },
  "the provider's numbers and scopes cannot be stored": {
    reply: (_, { status, body }) => ({
      status,
      body: { ...(body as object), expires_in: 2_147_483_648, scope: "repo\u0000" },
    }),
    sees: all([200, 200, "active"]),
  },
  "the broker is killed before the new tokens are stored": {
    diesAt: STORE,
    sees: {
      rotates: [null, 404, "broken"],
      "rotates, and forgives": [null, 200, "active"],
      "does not rotate": [null, 200, "active"],
    },
  },
  "the database is away when the tokens come, for a while": {
    through: failing(STORE, (n) => n < 5),
    sees: all([200, 200, "active"]),
  },
  "the answer to storing is lost": { through: failing(STORE, (n) => n === 1, true), sees: all([200, 200, "active"]) },
  "the database loses the answer that the provider is away": {
    arrives: (n) => n > 2,
    through: failing(RELEASE, () => true),
    sees: all([503, 200, "active"]),
  },
};

export function describeBrokerFaults(database: () => TestDatabase): void {
  describe("a fault in a refresh", () => {
    let provider: TestProvider;
    beforeAll(async () => {
      provider = await startProvider();
    });
    afterAll(() => provider.close());

    const quick = {
      now: () => performance.now() * SPEED,
      // The window of what is refused is nobody's to wait for here.
      sleep: (ms: number) => (ms === WINDOW_MS ? never() : sleep(ms / SPEED, undefined, { ref: false })),
    };

    /** The same for a caller who waits until the tokens are stored, however busy this machine is. */
    const patient = { ...quick, sleep: (ms: number) => (ms === PATIENCE_MS ? never() : quick.sleep(ms)) };

    /** A provider of `kind` that does its work, and then the fault happens. */
    function behave(kind: Kind, { arrives = () => true, reply = (_, answer) => answer }: Fault): void {
      provider.reset();
      let good = new Set([REFRESH]);
      provider.answer = async (n, form) => {
        if (!arrives(n)) return null;
        if (!good.has(form.get("refresh_token") ?? "")) return { status: 400, body: { error: "invalid_grant" } };
        const body = { access_token: `access-${n}`, expires_in: 3600 };
        if (kind === "does not rotate") return reply(n, { status: 200, body });
        const next = `${REFRESH}-${n}`;
        good = kind === "rotates" ? new Set([next]) : good.add(next);
        return reply(n, { status: 200, body: { ...body, refresh_token: next } });
      };
    }

    const ask = async (parts: Parameters<typeof testBroker>[2], userId: string) => {
      const { handle, secret } = testBroker(database(), provider, { ...quick, ...parts });
      const response = await handle(
        new Request("https://broker.example/", {
          method: "POST",
          headers: { [BROKER_SECRET_HEADER]: secret },
          body: JSON.stringify(askFor(userId)),
        }),
      );
      await response.text();
      return response.status;
    };

    const cases = Object.entries(FAULTS).flatMap(([name, fault]) =>
      (Object.keys(fault.sees) as Kind[]).map((kind) => [name, kind, fault, ...fault.sees[kind]] as const),
    );
    it.each(cases)("%s; the provider %s", async (_, kind, fault, first, next, status) => {
      const userId = await connectedUser(database(), 1);
      behave(kind, fault);
      const { query } = database().broker;
      const through = fault.through?.(query) ?? query;
      if (fault.diesAt === undefined)
        expect(await ask({ ...patient, database: { query: through } }, userId)).toBe(first);
      else {
        let died: () => void = () => {};
        const dead = new Promise<void>((resolve) => (died = resolve));
        const dying: Query = (...statement) => {
          if (!statement[0].includes(fault.diesAt ?? "")) return query(...statement);
          died();
          return never();
        };
        const fetcher = ((...request: Parameters<typeof fetch>) => {
          if (fault.diesAt !== "provider") return fetch(...request);
          died();
          return never();
        }) as typeof fetch;
        void ask({ database: { query: dying }, fetch: fetcher }, userId);
        await dead;
      }
      // Twenty seconds later, and a minute before the end of what the first request got.
      await database().admin.query(
        `update mcpist.connections set lease_until = case when lease is not null then now() end, access_expires_at = now()
         where user_id = $1::uuid`,
        [userId],
      );
      expect(await ask(patient, userId)).toBe(next);
      expect((await connectionOf(database(), userId))?.status).toBe(status);
    });

    it("that outlasts the lease is mended when the database is back: tokens that came later than an answer to somebody else are kept", async () => {
      const userId = await connectedUser(database(), 1);
      behave("rotates", { sees: all([200, 200, "active"]) });
      const { query } = database().broker;
      let away = true;
      const through: Query = (...statement) => (away && statement[0].includes(STORE) ? gone() : query(...statement));
      const stored: Promise<unknown>[] = [];
      // Giving up is written down collapsed: here at once, so that whoever gives up is seen to and not waited for.
      const parts = {
        database: { query: through },
        later: (work: Promise<unknown>) => void stored.push(work),
        sleep: (ms: number) => (ms === WINDOW_MS ? Promise.resolve() : quick.sleep(ms)),
      };
      expect(await ask(parts, userId)).toBe(200);
      await database().admin.query("update mcpist.connections set lease_until = now() where user_id = $1::uuid", [
        userId,
      ]);
      // Another instance uses the old refresh token, is refused, and takes the connection for broken.
      expect(await ask({}, userId)).toBe(404);
      expect((await connectionOf(database(), userId))?.status).toBe("broken");
      away = false;
      await Promise.all(stored);
      expect(await connectionOf(database(), userId)).toEqual({
        status: "active",
        tokens: { access_token: "access-1", refresh_token: `${REFRESH}-1` },
      });
      expect(await ask({}, userId)).toBe(200);
    });

    it("that never ends is written down as critical, with the user and the module, and the token was given out", async () => {
      const userId = await connectedUser(database(), 1);
      behave("rotates", { sees: all([200, 200, "active"]) });
      const { query } = database().broker;
      const lost: Promise<unknown>[] = [];
      let now = 0;
      const { handle, secret, lines } = testBroker(database(), provider, {
        database: { query: (...statement) => (statement[0].includes(STORE) ? gone() : query(...statement)) },
        now: () => (now += 10_000),
        sleep: quick.sleep,
        later: (work) => void lost.push(work),
      });
      const response = await handle(
        new Request("https://broker.example/", {
          method: "POST",
          headers: { [BROKER_SECRET_HEADER]: secret },
          body: JSON.stringify(askFor(userId)),
        }),
      );
      expect(await response.json()).toMatchObject({ access_token: "access-1", scopes: [] });
      await lost[0];
      await expect
        .poll(() => lines.find(({ reason }) => reason === "refresh_lost"))
        .toMatchObject({
          severity: "critical",
          userId,
          module: "lab",
        });
    });
  });
}
