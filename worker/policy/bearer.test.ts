import { describe, expect, it } from "vitest";
import { bearer } from "./bearer.ts";

describe("bearer", () => {
  it.each(["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c", "Bearer  a.b.c", "bEaReR      a.b.c"])(
    "takes %j",
    (header) => {
      expect(bearer(header)).toEqual({ ok: true, value: "a.b.c" });
    },
  );

  it.each([
    [null, "auth.missing"],
    ["", "auth.missing"],
    ["Basic dXNlcjpwYXNz", "auth.missing"],
    ["Bearerx a.b.c", "auth.missing"],
    ["Bearer", "auth.shape"],
    ["Bearer ", "auth.shape"],
    ["Bearer   ", "auth.shape"],
    ["Bearer\ta.b.c", "auth.shape"],
    ["Bearer \ta.b.c", "auth.shape"],
    ["Bearer\u00a0a.b.c", "auth.shape"],
    ["Bearer: a.b.c", "auth.missing"],
    ["Bearer Bearer a.b.c", "auth.shape"],
    ["DPoP a.b.c", "auth.missing"],
    ["a.b.c", "auth.missing"],
    ["Bearer a.b.c ", "auth.shape"],
    ["Bearer a.b", "auth.shape"],
    ["Bearer a.b.c.d", "auth.shape"],
    ["Bearer a..c", "auth.shape"],
    ["Bearer a.b.", "auth.shape"],
    ["Bearer .b.c", "auth.shape"],
    ["Bearer a.b.c=", "auth.shape"],
    ["Bearer a.b .c", "auth.shape"],
    ["Bearer a.b.c\n", "auth.shape"],
    ["Bearer ä.b.c", "auth.shape"],
    ["Bearer a+/.b.c", "auth.shape"],
    [`Bearer ${"a".repeat(8190)}.b.c`, "auth.size"],
    ["Bearer a.b.c, Bearer d.e.f", "auth.multiple"],
    ["Basic dXNlcjpwYXNz, Bearer a.b.c", "auth.multiple"],
    ["Bearer a.b.c,", "auth.multiple"],
  ])("refuses %j", (header, reason) => {
    expect(bearer(header)).toEqual({ ok: false, error: { reason } });
  });

  it("takes a token of 8192 characters", () => {
    expect(bearer(`Bearer ${"a".repeat(8188)}.b.c`).ok).toBe(true);
    expect(bearer(`Bearer    ${"a".repeat(8188)}.b.c`).ok).toBe(true);
  });
});
