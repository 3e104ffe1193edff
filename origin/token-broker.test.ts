/** The token broker while its database is slow, and under a flood of callers without the credential. */
import { describe, expect, it } from "vitest";
import { BROKER_SECRET_HEADER } from "../contract/headers.ts";
import { createCredentialCheck } from "../supabase/functions/token-broker/credential.ts";
import { createBroker } from "../supabase/functions/token-broker/handler.ts";
import type { BrokerDatabase, Query } from "../supabase/functions/token-broker/parts.ts";
import { newRequestId, newSecret } from "./test/origin.ts";

/** A broker whose database answers only what `answer` does, and whose time stands still until `pass` is called. */
function fixture(answer: (text: string) => Promise<readonly object[]>, providerFetch: typeof fetch = fetch) {
  const statements: { text: string; parameters: readonly (string | number | boolean | null)[] }[] = [];
  const lines: Readonly<Record<string, unknown>>[] = [];
  const background: Promise<unknown>[] = [];
  const sleeping: (() => void)[] = [];
  const secret = newSecret();
  const query: Query = async <Row extends object>(
    text: string,
    parameters: readonly (string | number | boolean | null)[],
  ) => {
    statements.push({ text, parameters });
    return (await answer(text)) as Row[];
  };
  const database: BrokerDatabase = { query };
  const handle = createBroker({
    database,
    isCaller: createCredentialCheck(secret, undefined),
    providers: new Map([
      ["lab", { tokenUrl: "https://provider.example/token", clientId: "client", clientSecret: "secret" }],
    ]),
    fetch: providerFetch,
    line: (event) => lines.push(event),
    now: () => 0,
    sleep: () => new Promise((resolve) => sleeping.push(resolve)),
    later: (work) => background.push(work),
  });
  const ask = (headers: Record<string, string>, body = "") =>
    handle(new Request("https://broker.example/", { method: "POST", headers, body }));
  /** Lets everything that sleeps go on. */
  const pass = async () => {
    for (const wake of sleeping.splice(0)) wake();
    await new Promise((done) => setImmediate(done));
  };
  return { statements, lines, background, sleeping, secret, ask, pass };
}

describe("token broker under a flood of unknown callers", () => {
  const inserted = (statements: ReturnType<typeof fixture>["statements"]) =>
    statements.map(({ parameters }) => parameters.at(5));

  it("answers while the database does not, and asks it once", async () => {
    const { statements, ask } = fixture(() => new Promise(() => {}));
    const statuses = await Promise.all(Array.from({ length: 1_000 }, async () => (await ask({})).status));
    expect([new Set(statuses), statements.length]).toEqual([new Set([403]), 1]);
  });

  it("writes the first at once and the rest as one count, to the log and to the table", async () => {
    const { statements, lines, sleeping, background, ask, pass } = fixture(() => Promise.resolve([]));
    for (let n = 0; n < 100; n++) await ask({});
    expect(inserted(statements)).toEqual([1]);
    await pass();
    expect(inserted(statements)).toEqual([1, 99]);
    await ask({});
    await pass();
    expect(inserted(statements)).toEqual([1, 99, 1]);
    expect(lines.map(({ reason, severity, httpStatus, count }) => [reason, severity, httpStatus, count])).toEqual([
      ["caller", "critical", 403, 1],
      ["caller", "critical", 403, 99],
      ["caller", "critical", 403, 1],
    ]);
    // Nothing more came: the window closes, and the next refusal is written at once again.
    await pass();
    await Promise.all(background);
    expect(sleeping).toEqual([]);
    await ask({});
    expect(inserted(statements)).toEqual([1, 99, 1, 1]);
  });

  it("writes what a caller with the credential sends wrongly once, and then as one count", async () => {
    const { statements, lines, sleeping, secret, ask, pass } = fixture(() => Promise.resolve([]));
    const statuses = await Promise.all(
      Array.from({ length: 2_000 }, async () => (await ask({ [BROKER_SECRET_HEADER]: secret }, "{")).status),
    );
    await expect.poll(() => sleeping.length).toBe(1);
    await pass();
    expect([new Set(statuses), inserted(statements)]).toEqual([new Set([400]), [1, 1_999]]);
    expect(lines.map(({ reason, count }) => [reason, count])).toEqual([
      ["shape", 1],
      ["shape", 1_999],
    ]);
  });

  it("writes a count for each user, and one for all when they are too many", async () => {
    const { statements, lines, secret, ask, pass } = fixture(() => Promise.resolve([]));
    const from = (user: number) =>
      ask(
        { [BROKER_SECRET_HEADER]: secret },
        JSON.stringify({
          request_id: newRequestId(),
          user_id: `00000000-0000-4000-8000-${user.toString(16).padStart(12, "0")}`,
          module: "lab",
        }),
      );
    for (let user = 0; user < 1_500; user++) await from(user);
    await from(7);
    await pass();
    const rows = statements.filter(({ text }) => text.includes("security_events")).map(({ parameters }) => parameters);
    // A thousand users by name, the others together, and the second request of the eighth.
    expect(rows).toHaveLength(1_000 + 1 + 2);
    expect(rows.slice(-2).map((row) => [row[1], row[5]])).toEqual([
      ["00000000-0000-4000-8000-000000000007", 1],
      [null, 499],
    ]);
    expect(lines).toHaveLength(1_003);
  });

  it("goes on counting when the database fails", async () => {
    const { lines, ask, pass } = fixture(() => Promise.reject(new Error("down")));
    for (let round = 0; round < 2; round++) {
      await ask({});
      await pass();
    }
    expect(lines).toHaveLength(2);
  });

  it("does not let an origin wait until its denial is written", async () => {
    const { statements, secret, ask } = fixture((text) =>
      text.includes("security_events") ? new Promise(() => {}) : Promise.resolve([]),
    );
    const body = JSON.stringify({ request_id: newRequestId(), user_id: newRequestId(), module: "lab" });
    expect((await ask({ [BROKER_SECRET_HEADER]: secret }, body)).status).toBe(404);
    expect(inserted(statements).at(-1)).toBe(1);
  });
});

describe("token broker whose caller hangs up", () => {
  it("keeps its instance until the new refresh token is stored", async () => {
    let reply: (response: Response) => void = () => {};
    const provider = (() => new Promise((resolve) => (reply = resolve))) as unknown as typeof fetch;
    const { statements, background, secret, ask } = fixture(
      (text) =>
        Promise.resolve(
          text.includes("broker_open") ? [{ state: "refresh", refresh_token: "r", lease: newRequestId() }] : [],
        ),
      provider,
    );
    const body = JSON.stringify({ request_id: newRequestId(), user_id: newRequestId(), module: "lab" });
    // Nobody waits for this answer: what is left of the request is what the instance was asked to finish.
    void ask({ [BROKER_SECRET_HEADER]: secret }, body);
    await expect.poll(() => statements.length).toBe(1);
    expect(background).toHaveLength(1);
    reply(Response.json({ access_token: "a", refresh_token: "next" }));
    await Promise.all(background);
    expect(statements[1]?.text).toContain("broker_store");
    expect(statements[1]?.parameters).toContain("next");
  });
});
