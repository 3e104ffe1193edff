import { describe, expect, it } from "vitest";
import type { Peers } from "../../contract/observation.ts";
import { stillInUse, usersOf } from "./old-secret-users.ts";

const OLD = "00000000000000aa";
const LIVE = "00000000000000bb";
const seen = (inside: number | null, outside: number | null, outsideCount = 0) => ({ inside, outside, outsideCount });

/** One origin with one instance. */
const origin = (last: number | null, peers?: Peers) => ({
  origins: [
    {
      name: "fly",
      state: "pool" as const,
      look: {
        ok: true as const,
        config: null,
        instances: [
          {
            id: "m1",
            rollout: "r",
            newest: true,
            awake: true,
            kids: { a: OLD, b: LIVE },
            lastAccepted: { [OLD]: last, [LIVE]: 0 },
            ...(peers ? { peers } : {}),
          },
        ],
      },
    },
  ],
});
const judge = (look: ReturnType<typeof origin>, oldAgeSeconds: number | null = null) =>
  usersOf(look, { old: OLD, live: LIVE }, { oldAgeSeconds }, 10);

describe("who still uses the old secret", () => {
  it("is certainly somebody else where the platform shows the gateway inside and that user outside", () => {
    const users = judge(origin(2, { [OLD]: seen(null, 2, 14), [LIVE]: seen(0, null) }));
    expect(users).toEqual({
      verdict: "foreign",
      evidence: [
        "fly instance m1 accepted it 2 seconds ago from outside the gateway's platform (14 times since it started)",
      ],
    });
    const error = stillInUse(OLD, 60, users);
    expect(error.exitCode).toBe(5);
    expect(error.hint).toContain("treat it as leaked: mcpist secrets rotate --emergency fast");
  });

  it("is certainly the gateway where it answers with the old version: an edge that lags for an hour is no leak", () => {
    const users = judge(origin(1, { [OLD]: seen(1, null), [LIVE]: seen(0, null) }), 3);
    expect(users.verdict).toBe("ours");
    expect(stillInUse(OLD, 60, users).hint).not.toContain("leaked");
  });

  it.each([
    ["a stranger on the same platform, or a lagging edge", { [OLD]: seen(1, null), [LIVE]: seen(0, null) }],
    ["a platform that shows nothing", { [OLD]: seen(null, null), [LIVE]: seen(null, null) }],
    ["a platform that shows the gateway itself as outside", { [OLD]: seen(null, 1, 3), [LIVE]: seen(null, 0, 900) }],
    ["a platform that shows the gateway now here and now there", { [OLD]: seen(null, 1, 3), [LIVE]: seen(5, 0, 900) }],
    ["a platform that has shown no request of the gateway yet", { [OLD]: seen(null, 1, 3), [LIVE]: seen(null, null) }],
    ["somebody outside who stopped long ago", { [OLD]: seen(1, 400, 3), [LIVE]: seen(0, null) }],
    ["an origin that is older than the field", undefined],
  ])("cannot be told, and is never called a leak: %s", (_, peers) => {
    const users = judge(origin(1, peers));
    expect(users).toEqual({
      verdict: "unknown",
      evidence: ["fly instance m1 accepted it 1 second ago, and it cannot be told from whom"],
    });
    const { hint = "" } = stillInUse(OLD, 60, users);
    expect(hint).not.toContain("leaked");
    expect(hint).toContain("run the command again later");
    expect(hint).toContain("mcpist secrets rotate --emergency fast");
  });

  it("is nobody where the last use is over", () => {
    expect(judge(origin(60))).toEqual({ verdict: "unknown", evidence: [] });
    expect(judge(origin(null))).toEqual({ verdict: "unknown", evidence: [] });
  });
});
