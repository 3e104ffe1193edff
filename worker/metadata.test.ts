import { describe, expect, it } from "vitest";
import { securityTxt } from "./metadata.ts";
import { configOf } from "./test/config.ts";

describe("security.txt", () => {
  it("says whom to ask and until when, which is less than a year ahead", async () => {
    const config = configOf([], "https://id.example.com/jwks", { resource: "https://mcp.example.com/mcp" });
    const answer = securityTxt(config, "mailto:security@example.com", Date.parse("2026-11-29T12:34:56.789Z"));
    expect(await answer.text()).toBe(
      [
        "Contact: mailto:security@example.com",
        "Expires: 2027-11-28T12:34:56Z",
        "Canonical: https://mcp.example.com/.well-known/security.txt",
        "Preferred-Languages: en",
        "",
      ].join("\n"),
    );
    expect(Object.fromEntries(answer.headers)).toEqual({
      "cache-control": "max-age=86400",
      "content-type": "text/plain; charset=utf-8",
    });
  });
});
