import { describe, expect, it } from "vitest";
import { isExplicitImage, platformIssues } from "./platform-limits.ts";
import { EXAMPLE, settingsOf } from "./test/synthesis.ts";

const issues = (change: object) => {
  const { environment } = settingsOf({ ...EXAMPLE, ...change });
  return platformIssues("production", environment).map(({ path, message }) => `${path}: ${message}`);
};

describe("platformIssues", () => {
  it("has nothing against the example", () => {
    expect(issues({})).toEqual([]);
  });

  it.each([
    [
      "a hostname of another zone",
      {
        cloudflare: { ...EXAMPLE.cloudflare, hostname: "mcp.evil-example.com" },
        auth: { ...EXAMPLE.auth, audience: "https://mcp.evil-example.com/mcp" },
      },
      /cloudflare\.hostname: must be a name in/,
    ],
    [
      "a public gateway without a zone",
      { cloudflare: { ...EXAMPLE.cloudflare, url: "https://gateway.example" } },
      /cloudflare\.url: only for a gateway on loopback/,
    ],
    ["an image that may change under us", { image: "ghcr.io/acme/origin:latest" }, /image: must name a digest/],
    [
      "a Koyeb app name that is too long",
      { origins: [{ ...EXAMPLE.origins[0], app: "a".repeat(24) }] },
      /origins\.0\.app: 3 to 23 characters/,
    ],
    [
      "two origins in one place, whatever their addresses",
      { origins: [EXAMPLE.origins[0], { ...EXAMPLE.origins[0], name: "again", url: "https://again.example.com" }] },
      /origins\.1\.service: another origin/,
    ],
  ])("refuses %s", (_case, change, reason) => {
    expect(issues(change).join("\n")).toMatch(reason);
  });
});

describe("isExplicitImage", () => {
  it.each([
    ["ghcr.io/acme/origin:1.0.0", true],
    [`ghcr.io/acme/origin@sha256:${"a".repeat(64)}`, true],
    [`ghcr.io/acme/origin:1.0.0@sha256:${"a".repeat(64)}`, true],
    ["registry.example:5000/origin:dev", true],
    ["origin:1", true],
    ["registry.example:5000/origin", false],
    ["ghcr.io/acme/origin", false],
    ["ghcr.io/acme/origin:latest", false],
    ["ghcr.io/acme/origin@sha256:abc", false],
    ["", false],
  ])("says of %s: %s", (reference, explicit) => {
    expect(isExplicitImage(reference)).toBe(explicit);
  });
});
