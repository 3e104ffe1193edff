/** What a caller sees and what is written down while the token broker, its database or a provider fails; and that no tool acts meanwhile. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { BROKER_TIMEOUT_MS } from "../../calls/broker.ts";
import {
  connectedUser,
  connectionOf,
  nthTokens,
  reachedBy,
  startProvider,
  testBroker,
  type TestProvider,
} from "../broker.ts";
import type { TestDatabase } from "../database.ts";
import { callTool, newSecret, newUser, resultOf, startOrigin } from "../origin.ts";
import issueWire from "../../modules/wire/github.json" with { type: "json" };

const BROKER = "https://broker.example/token";
const GITHUB = "https://api.github.example";
const LATER = "Temporarily unavailable. Try again later.";

export function describeBrokerOutages(database: () => TestDatabase): void {
  describe("token broker and its callers", () => {
    let provider: TestProvider;
    beforeAll(async () => {
      provider = await startProvider();
    });
    beforeEach(() => provider.reset());
    afterEach(() => void vi.restoreAllMocks());
    afterAll(() => provider.close());

    /** An origin whose broker is `reach`, and a provider's API that remembers what it was asked to do. */
    async function fixture(reach: typeof fetch, brokerSecret: string) {
      const done: string[] = [];
      const origin = await startOrigin(database(), {
        config: { brokerUrl: BROKER, upstreams: { github: GITHUB } },
        brokerSecret,
        fetch: ((url: string | URL, init: RequestInit) => {
          if (url === BROKER) return reach(url, init);
          done.push(`${init.method} ${new URL(url).pathname}`);
          return Promise.resolve(Response.json(issueWire.issue, { status: 201 }));
        }) as typeof fetch,
      });
      const userId = await newUser(database(), { grants: [["github", "create_issue"]] });
      const call = async () => {
        const result = await resultOf(
          await callTool(origin, userId, "github", "create_issue", { owner: "o", repo: "r", title: "t" }),
        );
        return [result.isError ?? false, result.content[0]?.text];
      };
      return { origin, userId, done, call };
    }
    const token = () => Promise.resolve(Response.json({ access_token: "good", expires_at: null, scopes: ["repo"] }));

    const failures: readonly (readonly [string, string, (init: RequestInit) => Promise<Response>])[] = [
      ["cannot be reached", "unavailable", () => Promise.reject(new TypeError("fetch failed: canary"))],
      ["answers with a page", "unavailable", () => Promise.resolve(new Response("<html>canary</html>"))],
      ["answers with another shape", "unavailable", () => Promise.resolve(Response.json({ token: "canary" }))],
      ["answers 500", "unavailable", () => Promise.resolve(new Response("canary", { status: 500 }))],
      [
        "redirects",
        "unavailable",
        () => Promise.resolve(new Response(null, { status: 302, headers: { location: "https://canary.example" } })),
      ],
    ];
    it.each(failures)(
      "when it %s, a write is not done, the caller is told to try later, and it is written down",
      async (_, reason, fail) => {
        let fails = true;
        const reach = ((_url: string, init: RequestInit) => (fails ? fail(init) : token())) as unknown as typeof fetch;
        const { origin, userId, done, call } = await fixture(reach, newSecret());
        expect(await call()).toEqual([true, LATER]);
        expect(done).toEqual([]);
        expect(origin.events("broker_denied")).toMatchObject([{ severity: "warn", reason, userId, module: "github" }]);
        expect(origin.events("call_failed")).toMatchObject([
          { userId, module: "github", tool: "create_issue", reason: "tool" },
        ]);
        expect(JSON.stringify(origin.lines)).not.toContain("canary");
        fails = false;
        expect((await call())[0]).toBe(false);
        expect(done).toEqual(["POST /repos/o/r/issues"]);
        await origin.stop();
      },
    );

    it("when it is slower than the origin waits, the request is given up, with its body or without", async () => {
      const patience: AbortController[] = [];
      const timeout = AbortSignal.timeout.bind(AbortSignal);
      vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
        if (ms !== BROKER_TIMEOUT_MS) return timeout(ms);
        const controller = new AbortController();
        patience.push(controller);
        return controller.signal;
      });
      const endless = (signal: AbortSignal | null | undefined): Response =>
        new Response(
          new ReadableStream({
            start: (controller) => signal?.addEventListener("abort", () => controller.error(signal.reason)),
          }),
        );
      const silent = (signal: AbortSignal | null | undefined): Promise<Response> =>
        new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));
      let count = 0;
      const reach = ((_: string, { signal }: RequestInit) =>
        count++ === 0 ? silent(signal) : Promise.resolve(endless(signal))) as unknown as typeof fetch;
      const { origin, done, call } = await fixture(reach, newSecret());
      for (let n = 0; n < 2; n++) {
        const answer = call();
        await expect.poll(() => count).toBe(n + 1);
        patience[n]?.abort();
        expect(await answer).toEqual([true, LATER]);
      }
      expect(done).toEqual([]);
      expect(origin.events("broker_denied")).toMatchObject([{ reason: "unavailable" }]);
      await origin.stop();
    });

    it("when it does not know the origin's credential, both write it down", async () => {
      const broker = testBroker(database(), provider);
      const { origin, done, call } = await fixture(reachedBy(broker), newSecret());
      expect(await call()).toEqual([true, LATER]);
      expect(done).toEqual([]);
      expect(origin.events("broker_denied")).toMatchObject([{ reason: "refused" }]);
      expect(broker.lines).toMatchObject([{ severity: "critical", reason: "caller", httpStatus: 403 }]);
      await origin.stop();
    });

    const scopes: readonly (readonly [string, string, boolean, string | undefined])[] = [
      ["lacks", "{gist}", true, "Connect your account for this module again: it lacks repo."],
      ["has", "{gist,repo}", false, undefined],
    ];
    it.each(scopes)(
      "a connected account that %s a scope of the module is told before the provider is asked",
      async (_, granted, fails, text) => {
        const broker = testBroker(database(), provider);
        const { origin, userId, done, call } = await fixture(reachedBy(broker), broker.secret);
        const tokens = JSON.stringify({ access_token: "a" });
        await database().admin.query("select mcpist.connect_account($1::uuid, 'github', $2, $3::text[], null)", [
          userId,
          tokens,
          granted,
        ]);
        const answer = await call();
        expect(answer[0]).toBe(fails);
        if (text !== undefined) expect(answer[1]).toBe(text);
        expect(done).toHaveLength(fails ? 0 : 1);
        expect(origin.events("broker_denied")).toMatchObject(
          fails ? [{ reason: "scopes", userId, module: "github" }] : [],
        );
        await origin.stop();
      },
    );

    it("when its database is away, the caller is told to try later", async () => {
      const broker = testBroker(database(), provider, {
        database: { query: () => Promise.reject(new Error("canary")) },
      });
      const { origin, done, call } = await fixture(reachedBy(broker), broker.secret);
      expect(await call()).toEqual([true, LATER]);
      expect([done, broker.lines[0]?.["reason"]]).toEqual([[], "database"]);
      expect(JSON.stringify([origin.lines, broker.lines])).not.toContain("canary");
      await origin.stop();
    });

    it("when the reply to a refresh is lost, the caller is told to try later and then, where the refresh token is used up, to connect again", async () => {
      const broker = testBroker(database(), provider);
      const origin = await startOrigin(database(), {
        config: { brokerUrl: BROKER },
        brokerSecret: broker.secret,
        fetch: reachedBy(broker),
      });
      const userId = await connectedUser(database(), 1);
      const text = async () => (await resultOf(await callTool(origin, userId, "lab", "token"))).content[0]?.text;
      provider.answer = () => null;
      expect(await text()).toBe(LATER);
      provider.answer = () => ({ status: 400, body: { error: "invalid_grant" } });
      expect(await text()).toBe("Connect your account for this module first.");
      expect((await connectionOf(database(), userId))?.status).toBe("broken");
      provider.answer = nthTokens;
      expect(await text()).toBe("Connect your account for this module first.");
      expect(origin.events("broker_denied").map(({ reason }) => reason)).toEqual(["unavailable", "connect"]);
      await origin.stop();
    });
  });
}
