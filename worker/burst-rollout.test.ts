/** Two versions of the Worker beside each other, as during a deployment: either may meet the other's objects, and no request is lost. */
import { Miniflare, type WorkerOptions } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { configOf } from "./test/config.ts";
import { bundle, SECRET, startIssuer, startOrigin, type TestIssuer, type TestOrigin } from "./test/gateway.ts";
import { CALL, MODERN, newUser } from "./test/session.ts";
import { claimsAt, signToken } from "./test/tokens.ts";

/** As versions before the fetch asked and answered: a method, by RPC. */
const OLDER = `
import { DurableObject } from "cloudflare:workers";
export class UserBurst extends DurableObject {
  #taken = 0;
  take(rate, lease, depth) { return { admitted: true, granted: 1, startMs: 0, remaining: depth - ++this.#taken, retryAfterMs: 0 }; }
}
export default {
  async fetch(request, env) {
    const object = env.BURST.get(env.BURST.idFromName(new URL(request.url).pathname.slice(1)));
    return Response.json(await object.take(1, 1, 1000, 1000));
  },
};`;
const COMMON = { modules: true, compatibilityDate: "2026-07-01" } as const;

let issuer: TestIssuer, origin: TestOrigin, miniflare: Miniflare;
const events: string[] = [];
const call = async (worker: string, sub: string): Promise<{ readonly status: number; readonly left: number }> => {
  const token = await signToken(issuer.key, claimsAt(Math.floor(Date.now() / 1000), { sub }));
  const { fetch } = await miniflare.getWorker(worker);
  const response = await fetch("http://gateway/mcp", {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...MODERN,
    },
    body: JSON.stringify(CALL),
  });
  await response.text();
  const left = Number(/r=(\d+)/.exec(response.headers.get("ratelimit") ?? "")?.[1]);
  return { status: response.status, left };
};
const olderAsks = async (sub: string): Promise<unknown> => {
  const { fetch } = await miniflare.getWorker("older");
  return (await fetch(`http://older/${sub}`)).json();
};

beforeAll(async () => {
  [issuer, origin] = await Promise.all([startIssuer(), startOrigin("koyeb")]);
  const limits = { perIpPerMinute: 1000, failedAuthPerMinute: 60, burstPerSecond: 1, burstDepth: 1000 };
  const bindings = {
    MCPIST_CONFIG: JSON.stringify(configOf([{ name: "koyeb", url: origin.url }], issuer.url, { limits })),
    GATEWAY_SECRET: SECRET,
  };
  const newer = { ...COMMON, script: await bundle(), bindings };
  const objectsOf = (scriptName: string): Pick<WorkerOptions, "durableObjects"> => ({
    durableObjects: { BURST: { className: "UserBurst", scriptName } },
  });
  miniflare = new Miniflare({
    workers: [
      { ...newer, name: "newer", ...objectsOf("newer") },
      { ...newer, name: "newer-with-older-objects", ...objectsOf("objects-of-older") },
      { ...COMMON, script: OLDER, name: "older", ...objectsOf("newer") },
      { ...COMMON, script: OLDER, name: "objects-of-older", ...objectsOf("objects-of-older") },
    ],
    host: "127.0.0.1",
    port: 0,
    handleStructuredLogs: ({ message }: { message: string }) => void events.push(message),
  });
  await miniflare.ready;
});
afterAll(() => Promise.all([miniflare.dispose(), origin.close(), issuer.origin.close()]));

describe("while two versions run", () => {
  it("an older Worker is answered by the objects of this one, from the same count", async () => {
    const sub = newUser();
    const verdicts = await Promise.all(Array.from({ length: 200 }, () => olderAsks(sub)));
    expect(verdicts).toEqual(
      Array.from({ length: 200 }, () => expect.objectContaining({ admitted: true, granted: 1 }) as unknown),
    );
    const { status, left } = await call("newer", sub);
    expect(status).toBe(200);
    // One comes back each second; a count of its own would have 999 left.
    expect(left).toBeLessThan(950);
  });

  it("this Worker counts by itself where the objects are of an older one, and refuses nobody for it", async () => {
    const sub = newUser();
    const answers = await Promise.all(Array.from({ length: 20 }, () => call("newer-with-older-objects", sub)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    await expect.poll(() => events.filter((line) => line.includes("burst_fallback")).length).toBeGreaterThan(0);
  });
});
