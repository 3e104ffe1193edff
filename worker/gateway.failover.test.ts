/** Origins that die in every way, under real workerd: nothing is ever executed twice, and no outcome is made up. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Behaviour, Seen } from "./test/gateway.ts";
import { MODERN, startSession, type Session } from "./test/session.ts";

const LIST = { ...MODERN, "mcp-method": "tools/list" };
const ROUNDS = 30;
let session: Session;
beforeAll(async () => {
  session = await startSession({
    limits: { perIpPerMinute: 100_000, failedAuthPerMinute: 1000, burstPerSecond: 1000 },
  });
});
beforeEach(() => session.reset());
afterAll(() => session.close());

/** What two origins with one database remember: who executed a request id. */
class Claims {
  readonly executions = new Map<string, number>();
  readonly #claimed = new Set<string>();

  /** @returns true when this request id may be executed here and now */
  claim(seen: Seen): boolean {
    const id = String(seen.headers["x-request-id"]);
    if (this.#claimed.has(id)) return false;
    this.#claimed.add(id);
    this.executions.set(id, (this.executions.get(id) ?? 0) + 1);
    return true;
  }
}

const answer =
  (name: string, claims: Claims): Behaviour =>
  (_request, response, seen) => {
    const ran = claims.claim(seen);
    response.writeHead(ran ? 200 : 409, {
      "content-type": "application/json",
      "x-mcpist-origin": name,
      ...(ran ? {} : { "x-mcpist-claim": "in_progress" }),
    });
    response.end('{"jsonrpc":"2.0","id":7,"result":{}}');
  };

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** How an origin dies, and whether it had executed the call by then. */
const DEATHS: Record<string, (claims: Claims) => Behaviour> = {
  "closes before it executes": () => (request) => void request.socket.destroy(),
  "is reset before it executes": () => (request) => void request.socket.resetAndDestroy(),
  "executes and is reset before it answers": (claims) => (request, _response, seen) => {
    claims.claim(seen);
    request.socket.resetAndDestroy();
  },
  "executes and its platform answers 502": (claims) => (_request, response, seen) => {
    claims.claim(seen);
    response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad gateway</h1>");
  },
  "executes and breaks off in the middle of the answer": (claims) => (request, response, seen) => {
    claims.claim(seen);
    response.writeHead(200, { "content-type": "application/json", "x-mcpist-origin": "koyeb" });
    response.write('{"jsonrpc":"2.0",', () => request.socket.resetAndDestroy());
  },
};

describe("tool calls while an origin dies", () => {
  it.each(Object.entries(DEATHS))("are executed at most once when the first origin %s", async (_, death) => {
    const claims = new Claims();
    session.fly.behave = answer("fly", claims);
    const outcomes: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      // The origin works in between, so that the breaker lets the next death through.
      session.koyeb.behave = round % 3 === 0 ? death(claims) : answer("koyeb", claims);
      const response = await session.post(await session.token(), MODERN).catch(() => null);
      // The connection broke before the status came through: an honest "I do not know".
      if (!response) continue;
      const body = await response.text().catch(() => "broken off");
      const ran = claims.executions.get(response.headers.get("x-request-id") ?? "") ?? 0;
      outcomes.push(String(response.status));
      // "It worked" is never said of a call that did not run; a broken answer stays broken.
      if (response.status === 200) expect([ran, isJson(body) === body.includes("result")]).toEqual([1, true]);
      else expect(JSON.parse(body)).toMatchObject({ error: { code: 50203, data: { mayHaveExecuted: true } } });
    }
    expect(outcomes).toContain("200");
    expect(Math.max(...claims.executions.values())).toBe(1);
  });

  it("hang: the claim decides, and the client hears that the outcome is unknown", async () => {
    const hanging = await startSession();
    try {
      const claims = new Claims();
      hanging.fly.behave = answer("fly", claims);
      // The first origin is warm now: 5 s until the first byte.
      expect((await hanging.post(await hanging.token(), LIST)).status).toBe(200);
      hanging.koyeb.behave = (_request, _response, seen) =>
        void (seen.headers["mcp-method"] === "tools/call" && claims.claim(seen));
      const [call, list] = await Promise.all([
        hanging.post(await hanging.token(), MODERN),
        hanging.post(await hanging.token(), LIST),
      ]);
      expect(await call.json()).toMatchObject({ error: { code: 50203, data: { mayHaveExecuted: true } } });
      expect([list.status, list.headers.get("x-mcpist-origin")]).toEqual([200, "fly"]);
      expect(Math.max(...claims.executions.values())).toBe(1);
      expect(hanging.gateway.events).toContainEqual(
        expect.objectContaining({ event: "outcome_unknown", severity: "error" }),
      );
    } finally {
      await hanging.close();
    }
  });

  it("refused: an origin whose port is closed costs nothing but the detour", async () => {
    const dead = await startSession({
      origins: [
        // A port that no system hands out by itself: one that was just given back may belong to somebody else a moment later.
        { name: "koyeb", url: "http://127.0.0.1:1", state: "pool" },
        { name: "fly", url: session.fly.url, state: "pool" },
      ],
    });
    try {
      const attempts = (): unknown[] => session.fly.seen.map(({ headers }) => headers["x-mcpist-attempt"]);
      const ask = async (token: string): Promise<void> => {
        const response = await dead.post(token, MODERN);
        expect([response.status, response.headers.get("x-mcpist-origin")]).toEqual([200, "fly"]);
      };
      // The same user goes elsewhere at once, everybody else as soon as the gateway's own probe has found out.
      const same = await dead.token();
      for (let i = 0; i < 3; i++) await ask(same);
      expect(attempts()).toEqual(["2", "1", "1"]);
      await expect
        .poll(
          async () => {
            session.fly.seen.length = 0;
            await ask(await dead.token());
            return attempts();
          },
          // It looks twice, a second apart.
        )
        .toEqual(["1"]);
    } finally {
      await dead.close();
    }
  });
});
