import { describe, expect, it } from "vitest";
import type { OriginLook } from "../targets/types.ts";
import { secretsReport, standingOf, type Held } from "./marks.ts";

const MARK = "9b2d70c4418ea6f5";
const RECORD = { mark: MARK, at: "2026-11-29T12:00:00Z", stamps: { fly: "digest-1" } };
const fly = (...marks: readonly (Record<string, string | null> | undefined)[]): Held => ({
  name: "fly",
  look: {
    ok: true,
    stamps: { DATABASE_URL: "digest-1" },
    instances: marks.map((own, i) => ({
      id: `m${i + 1}`,
      ...(own ? { marks: own } : {}),
    })),
  },
});
const spec = (name: string) => ({ name, to: ["origins"] as const });
const GOOD = { DATABASE_URL: MARK };
const stamped = (held: Held, stamps: Record<string, string>): Held => ({ ...held, look: { ...held.look, stamps } });
const silent: OriginLook = { ok: false, reason: "Machine m1 does not answer" };

describe("how a secret stands at an origin", () => {
  it.each([
    ["every instance reports the mark", fly(GOOD, GOOD), RECORD, "proven"],
    ["nothing runs there yet", fly(), RECORD, "stored"],
    ["there was no put", fly(GOOD), undefined, "unknown"],
    ["an image is older than marks", fly(GOOD, undefined), RECORD, "unknown"],
    ["a definition does not name the mark", fly({}), RECORD, "unknown"],
    ["one instance runs with another write", fly(GOOD, { DATABASE_URL: "0123456789abcdef" }), RECORD, "off"],
    ["one instance runs with what was never put", fly({ DATABASE_URL: null }), RECORD, "off"],
    ["an older image hides nothing that is off", fly(undefined, { DATABASE_URL: null }), RECORD, "off"],
    ["the put did not end", fly(GOOD), { ...RECORD, at: null, stamps: {} }, "off"],
    ["the put did not reach it", fly(GOOD), { ...RECORD, stamps: { koyeb: "x" } }, "off"],
    ["somebody wrote it by hand", stamped(fly(GOOD), { DATABASE_URL: "digest-2" }), RECORD, "off"],
    ["somebody took it away", stamped(fly(GOOD), {}), RECORD, "off"],
    ["it is missing before any put", stamped(fly(), {}), undefined, "off"],
    ["nobody answers and it is missing", stamped({ name: "fly", look: silent }, {}), RECORD, "off"],
    ["nobody answers", { name: "fly", look: silent }, RECORD, "unknown"],
  ])("where %s", (_what, held, record, kind) => {
    expect(standingOf(held, "DATABASE_URL", record).kind).toBe(kind);
  });
});

const NEVER = "1970-01-01T00:00:00.000Z";
const worker = (markLists: readonly (readonly string[] | null)[], stamp: string | null = NEVER): Held => ({
  name: "worker",
  place: "worker",
  look: {
    ok: true,
    instances: markLists.map((list, i) => ({ id: `v${i + 1}`, ...(list ? { markList: list } : {}) })),
    stamps: stamp === null ? {} : { STRIPE_KEY: stamp },
  },
});
const github = (date: string | null): Held => ({
  name: "github",
  place: "github",
  look: { ok: true, instances: [], stamps: date === null ? {} : { STRIPE_KEY: date } },
});
const OWN = { mark: MARK, at: "2026-11-29T12:00:01Z", stamps: { worker: NEVER, github: "2026-11-29T12:00:00Z" } };

describe("how a secret of one's own stands at the Worker and at GitHub", () => {
  it.each([
    ["every version with traffic has the mark, among others", worker([["0123456789abcdef", MARK]]), "proven"],
    ["one of two versions has it not", worker([[MARK], ["0123456789abcdef"]]), "off"],
    ["the version is bound to no secret of that name", worker([[]], null), "off"],
    ["its code is older than marks", worker([null]), "unknown"],
    ["somebody wrote any secret by hand since", worker([[MARK]], "2026-11-29T13:00:00Z"), "unknown"],
    ["GitHub has it as it was put", github("2026-11-29T12:00:00Z"), "dated"],
    ["GitHub's is newer than the put", github("2026-11-29T12:30:00Z"), "off"],
    ["GitHub has none", github(null), "off"],
    ["GitHub's list is behind", github("2026-11-28T12:00:00Z"), "dated"],
  ])("where %s", (_what, held, kind) => {
    expect(standingOf(held, "STRIPE_KEY", OWN).kind).toBe(kind);
  });
  it("asks only those who are to have it", () => {
    const parties = [fly(GOOD), worker([[]], null), github(null)];
    const seen = secretsReport(parties, [{ name: "STRIPE_KEY", to: ["worker"] }], { STRIPE_KEY: OWN });
    expect(seen.drift).toEqual([{ party: "worker", kid: null, secret: "STRIPE_KEY", what: "it has no STRIPE_KEY" }]);
  });
});

describe("all secrets at all origins", () => {
  it("names party and secret of what is off, and once what is unknown everywhere", () => {
    const koyeb: Held = { ...stamped(fly({}), { DATABASE_URL: "d", BROKER_SECRET: "d" }), name: "koyeb" };
    const seen = secretsReport([koyeb, fly(GOOD)], [spec("DATABASE_URL"), spec("BROKER_SECRET")], {
      DATABASE_URL: { ...RECORD, stamps: { fly: "digest-1", koyeb: "d" } },
    });
    expect(seen).toEqual({
      drift: [
        { party: "fly", kid: null, secret: "BROKER_SECRET", what: "it has no BROKER_SECRET, and needs it to start" },
      ],
      unknown: [
        "koyeb: instance m1 was deployed without DATABASE_URL_MARK: deploy the service stack",
        "BROKER_SECRET was never put by this version: unknown until the next put",
      ],
    });
  });
  it("leaves an origin that cannot be seen to the phase", () => {
    const seen = secretsReport([{ name: "fly", look: silent }], [spec("DATABASE_URL")], { DATABASE_URL: RECORD });
    expect(seen).toEqual({ drift: [], unknown: [] });
  });
});
