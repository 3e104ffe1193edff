import { describe, expect, it } from "vitest";
import { BurstCounter } from "./burst.ts";
import { answerBurst, askBurst } from "./burst-call.ts";

const NOW = 1_763_464_000_000;
const counted = (): { fetch(url: string): Promise<Response> } => {
  const counter = new BurstCounter();
  return { fetch: async (url) => answerBurst(counter, url, NOW) };
};

describe("a question to a burst object", () => {
  it("is answered with the verdict on its terms", async () => {
    const object = counted();
    const ask = () => askBurst(object, { rate: 5, lease: 2, depth: 3, waitMs: 250 });
    expect([await ask(), await ask(), await ask(), await ask()]).toEqual([
      { admitted: true, granted: 2, startMs: 0, remaining: 1, retryAfterMs: 0 },
      { admitted: true, granted: 1, startMs: 0, remaining: 0, retryAfterMs: 0 },
      { admitted: true, granted: 1, startMs: 200, remaining: 0, retryAfterMs: 0 },
      { admitted: false, granted: 0, startMs: 0, remaining: 0, retryAfterMs: 400 },
    ]);
  });

  it.each([
    "",
    "/",
    "/5/1/30",
    "/0/1/30/0",
    "/5/0/30/0",
    "/5/1/0/0",
    "/5/1/30/-1",
    "/5/1/30/x",
    "/5.5/1/30/0",
    "/a/1/30/0",
  ])("has terms: %j", (path) =>
    expect(() => answerBurst(new BurstCounter(), `http://burst${path}`, NOW)).toThrow(TypeError),
  );

  it("is not answered by something else", async () => {
    const page = { fetch: async () => new Response("{}") };
    await expect(askBurst(page, { rate: 5, lease: 1, depth: 30, waitMs: 0 })).rejects.toThrow();
  });
});
