import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { createBroker, MAX_AGE_MS, type BrokerDenial, type TokenRequest } from "./broker.ts";
import { Secret } from "../modules/secret.ts";

const TOKEN = "canary-access-token";
const SECRET = "ab12".repeat(16);
const USER = "11111111-1111-4111-8111-111111111111";

/** What the permission cache gave for {@link USER}. */
const PERMISSIONS = {};
const asks = (
  requestId: string,
  { module = "github", userId = USER, permissions = PERMISSIONS } = {},
): TokenRequest => ({
  userId,
  module,
  requestId,
  permissions,
});

function fixture(answer: (body: { user_id: string; module: string }) => Promise<Response>) {
  const state = { now: 0, wall: 1_000_000 };
  const requests: {
    url: string;
    headers: Record<string, string>;
    body: { user_id: string; module: string };
    redirect: string;
  }[] = [];
  const denials: BrokerDenial[] = [];
  const broker = createBroker({
    url: "https://broker.example/token",
    secret: SECRET,
    scopesOf: (module) => (module === "github" ? ["repo", "read:org"] : []),
    fetch: ((url: string, init: { headers: Record<string, string>; body: string; redirect: string }) => {
      const body = JSON.parse(init.body) as { user_id: string; module: string };
      requests.push({ url, headers: init.headers, body, redirect: init.redirect });
      return answer(body);
    }) as unknown as typeof fetch,
    now: () => state.now,
    wallClock: () => new Date(state.wall),
    onDenied: (_user, _module, _request, denial) => denials.push(denial),
  });
  return { state, requests, denials, broker };
}
const token =
  (expiresAt: number | null = 10_000) =>
  async () =>
    Response.json({ access_token: TOKEN, expires_at: expiresAt, scopes: [] });

describe("token broker client", () => {
  it("asks for the verified user with its own credential, and follows no redirect", async () => {
    const { requests, broker } = fixture(token());
    expect((await broker.token(asks("r1"))).reveal()).toBe(TOKEN);
    expect(requests).toEqual([
      {
        url: "https://broker.example/token",
        headers: { "content-type": "application/json", "x-broker-secret": SECRET },
        body: { request_id: "r1", user_id: USER, module: "github" },
        redirect: "manual",
      },
    ]);
  });

  it("keeps a token for five minutes at most, and never across users or modules", async () => {
    const { state, requests, broker } = fixture(token());
    await broker.token(asks("r1"));
    await broker.token(asks("r2"));
    expect(requests).toHaveLength(1);
    await broker.token(asks("r3", { module: "notion" }));
    await broker.token(asks("r4", { userId: "22222222-2222-4222-8222-222222222222" }));
    expect(requests).toHaveLength(3);
    state.now = MAX_AGE_MS;
    await broker.token(asks("r5"));
    expect(requests).toHaveLength(4);
  });

  it("stops using a token a minute before it expires, and does not keep one that is nearly over", async () => {
    const late = fixture(token(1_000 + 90));
    await late.broker.token(asks("r1"));
    late.state.now = 29_999;
    await late.broker.token(asks("r2"));
    expect(late.requests).toHaveLength(1);
    late.state.now = 30_000;
    await late.broker.token(asks("r3"));
    expect(late.requests).toHaveLength(2);
    const over = fixture(token(1_000 + 59));
    await over.broker.token(asks("r1"));
    await over.broker.token(asks("r2"));
    expect(over.requests).toHaveLength(2);
  });

  it("asks again for a token that the provider refused, names it by its digest only, and uses what came instead", async () => {
    let count = 0;
    const { requests, broker } = fixture(async () =>
      Response.json({ access_token: `${TOKEN}-${++count}`, expires_at: null, scopes: [] }),
    );
    const first = await broker.token(asks("r1"));
    const second = await broker.token(asks("r2"), first);
    expect([second.reveal(), (await broker.token(asks("r3"))).reveal()]).toEqual([`${TOKEN}-2`, `${TOKEN}-2`]);
    // Another call that met the same old token needs no third one.
    expect((await broker.token(asks("r4"), first)).reveal()).toBe(`${TOKEN}-2`);
    const rejected = createHash("sha256").update(`${TOKEN}-1`).digest("hex");
    expect(requests.map(({ body }) => body)).toEqual([
      { request_id: "r1", user_id: USER, module: "github" },
      { request_id: "r2", user_id: USER, module: "github", rejected },
    ]);
  });

  it("asks once for each token that was refused, and lets no call wait for the answer to another", async () => {
    const { requests, broker } = fixture(() => new Promise(() => undefined));
    const refused = (text: string, id: string) => void broker.token(asks(id), new Secret(text));
    for (const [text, id] of [
      ["first", "r1"],
      ["first", "r2"],
      ["second", "r3"],
    ] as const)
      refused(text, id);
    expect(requests).toHaveLength(2);
  });

  it("asks once for a hundred calls at the same time", async () => {
    const { requests, broker } = fixture(token());
    const tokens = await Promise.all(Array.from({ length: 100 }, (_, i) => broker.token(asks(`r${i}`))));
    expect([requests.length, tokens.every((one) => one.reveal() === TOKEN)]).toEqual([1, true]);
  });

  it("forgets a user's tokens with the permissions, and lets nobody with newer ones wait for an older answer", async () => {
    const releases: ((token: string) => void)[] = [];
    const { requests, broker } = fixture(
      () =>
        new Promise((resolve) =>
          releases.push((text) => resolve(Response.json({ access_token: text, expires_at: null, scopes: [] }))),
        ),
    );
    const newer = {};
    const before = broker.token(asks("r1"));
    const after = broker.token(asks("r2", { permissions: newer }));
    expect(requests).toHaveLength(2);
    // The older answer comes last, and must not be found by anybody with the newer permissions.
    releases[1]?.("new-account");
    expect((await after).reveal()).toBe("new-account");
    releases[0]?.("old-account");
    expect((await before).reveal()).toBe("old-account");
    expect((await broker.token(asks("r3", { permissions: newer }))).reveal()).toBe("new-account");
    expect(requests).toHaveLength(2);
    void broker.token(asks("r4", { permissions: {} }));
    expect(requests).toHaveLength(3);
  });

  it.each([
    ["no connection", async () => new Response(TOKEN, { status: 404 }), "connect", "Connect your account"],
    ["a refusal", async () => new Response(TOKEN, { status: 403 }), "refused", "Temporarily unavailable"],
    ["an error", async () => new Response(TOKEN, { status: 500 }), "unavailable", "Temporarily unavailable"],
    [
      "a redirect",
      async () => Response.redirect("https://evil.example/", 302),
      "unavailable",
      "Temporarily unavailable",
    ],
    ["no JSON", async () => new Response(TOKEN), "unavailable", "Temporarily unavailable"],
    ["another shape", async () => Response.json({ token: TOKEN }), "unavailable", "Temporarily unavailable"],
    [
      "too much",
      async () => Response.json({ access_token: TOKEN, expires_at: null, scopes: [], more: "x".repeat(20_000) }),
      "unavailable",
      "Temporarily unavailable",
    ],
    ["nothing at all", () => Promise.reject(new Error(TOKEN)), "unavailable", "Temporarily unavailable"],
  ])(
    "answers %s with a safe text, asks again next time, and leaks nothing",
    async (_, answer: () => Promise<Response>, denial, text) => {
      const { requests, denials, broker } = fixture(answer);
      const error: unknown = await broker.token(asks("r1")).catch((cause: unknown) => cause);
      expect(String(error)).toContain(text);
      expect(inspect(error, { depth: 9 })).not.toContain(TOKEN);
      expect(denials).toEqual([denial]);
      await broker.token(asks("r2")).catch(() => null);
      expect(requests).toHaveLength(2);
    },
  );

  it("reads no more of a reply that does not end than a reply can be long", async () => {
    let sent = 0;
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1024;
        controller.enqueue(new Uint8Array(1024).fill(32));
      },
      cancel() {
        cancelled = true;
      },
    });
    const { denials, broker } = fixture(async () => new Response(endless));
    await expect(broker.token(asks("r1"))).rejects.toThrow("Temporarily unavailable");
    expect([denials, cancelled]).toEqual([["unavailable"], true]);
    expect(sent).toBeLessThanOrEqual(20 * 1024);
  });

  it.each([
    ["all of them and more", ["gist", "read:org", "repo"], null],
    ["none that it names", [], null],
    ["one of them", ["repo"], "it lacks read:org."],
    ["others", ["public_repo"], "it lacks repo, read:org."],
  ])("compares the scopes that a module needs with the token's: %s", async (_, scopes: readonly string[], lacks) => {
    const { requests, denials, broker } = fixture(async () =>
      Response.json({ access_token: TOKEN, expires_at: null, scopes }),
    );
    for (let n = 0; n < 2; n++) {
      const answer = await broker.token(asks("r1")).then(
        () => null,
        (cause: unknown) => String(cause),
      );
      expect(answer).toEqual(lacks && `ToolError: Connect your account for this module again: ${lacks}`);
    }
    expect(requests).toHaveLength(1);
    expect(denials).toEqual(lacks === null ? [] : ["scopes", "scopes"]);
    // Another module's needs are not this one's.
    expect((await broker.token(asks("r2", { module: "notion" }))).reveal()).toBe(TOKEN);
  });

  it("says «connect» when no broker is configured", async () => {
    const broker = createBroker({
      url: null,
      secret: null,
      scopesOf: () => [],
      fetch,
      now: () => 0,
      wallClock: () => new Date(0),
      onDenied: () => {},
    });
    await expect(broker.token(asks("r1"))).rejects.toThrow("Connect your account for this module first.");
  });
});
