import { describe, expect, it } from "vitest";
import { HINTS } from "../hints/hints.ts";
import { checksOf, type Check } from "./check.ts";
import { exitCodeOf, tokensOnly } from "./doctor.ts";
import { withEnd } from "./token-end.ts";

const now = new Date("2026-11-29T12:00:00Z");
const token = (area: string, detail: string): Check => checksOf(area).ok("token", detail);
const HOW = "docs/security/credentials.md: make the next one, put it where the old one is, then end the old one";

describe("the end of a token", () => {
  it.each<[string, Check, Parameters<typeof withEnd>[1], Partial<Check>]>([
    [
      "is far away, as GitHub says",
      token("github", "no classic scopes, expires in 15 days"),
      undefined,
      { outcome: "ok", detail: "no classic scopes, expires in 15 days", next: null },
    ],
    [
      "is near, as GitHub says",
      token("github", "no classic scopes, expires in 14 days"),
      undefined,
      { outcome: "ends soon", detail: "no classic scopes, expires in 14 days", next: HOW },
    ],
    [
      "is near, as Cloudflare says",
      token("cloudflare", "active, expires 2026-12-05T00:00:00Z"),
      undefined,
      { outcome: "ends soon", detail: "active, expires 2026-12-05T00:00:00Z", next: HOW },
    ],
    [
      "is far away, as Cloudflare says",
      token("cloudflare", "active, expires 2027-12-05T00:00:00Z"),
      undefined,
      { outcome: "ok" },
    ],
    [
      "is near, as the configuration says where the platform does not",
      token("koyeb", "accepted"),
      { koyeb: { ends: "2026-12-01" } },
      { outcome: "ends soon", detail: "accepted, ends in 2 days", next: HOW },
    ],
    [
      "is far away, as the configuration says",
      token("fly", "accepted"),
      { fly: { ends: "2027-03-01" } },
      { outcome: "ok", detail: "accepted, ends in 92 days", next: null },
    ],
    [
      "is the earlier one of two",
      token("github", "no classic scopes, expires in 300 days"),
      { github: { ends: "2026-12-01" } },
      { outcome: "ends soon", detail: "no classic scopes, ends in 2 days" },
    ],
    [
      "is over, by the configuration",
      token("fly", "accepted"),
      { fly: { ends: "2026-11-01" } },
      { outcome: "ends soon", detail: "accepted, was to end 28 days ago" },
    ],
    [
      "is known to nobody",
      token("koyeb", "accepted"),
      { fly: { ends: "2027-03-01" } },
      {
        outcome: "ok",
        detail: "accepted; nobody says when it ends",
        next: "write the day to tokens.koyeb.ends in mcpist.config.ts",
      },
    ],
  ])("%s", (_, check, recorded, expected) => {
    expect(withEnd(check, recorded, now)).toMatchObject(expected);
  });

  it("is no matter of a token that is not accepted, nor of another check", () => {
    for (const check of [
      checksOf("github").denied("token", "wrong", HINTS.makeToken("x")),
      checksOf("github").notRun("token", "silent"),
      checksOf("github").ok("repository", "acme/mcp, expires in 1 day"),
    ])
      expect(withEnd(check, { github: { ends: "2026-12-01" } }, now)).toBe(check);
  });
});

describe("a look at the tokens alone", () => {
  const soon: Check = { ...token("fly", "accepted, ends in 2 days"), outcome: "ends soon" };

  it("is red before one of them ends, and when one is refused", () => {
    expect(exitCodeOf([token("github", "fine"), soon])).toBe(3);
    expect(exitCodeOf([checksOf("fly").denied("token", "wrong", HINTS.makeToken("x")), soon])).toBe(4);
  });

  it("leaves out everything else, and that a platform sells no narrower token", () => {
    const broad = checksOf("github").tooBroad("token", "classic", HINTS.makeToken("x"));
    const checks = tokensOnly([
      token("fly", "fine"),
      broad,
      checksOf("github").missing("environment", "none", HINTS.makeToken("x")),
    ]);
    expect(checks.map(({ area, outcome }) => `${area} ${outcome}`)).toEqual(["fly ok", "github ok"]);
    expect(exitCodeOf(checks)).toBe(0);
  });
});
