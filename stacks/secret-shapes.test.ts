import { describe, expect, it } from "vitest";
import { masked, secretShapes } from "./secret-shapes.ts";

/** Put together here, so that no scan takes this file for a leak. */
const long = (prefix: string, length: number): string => prefix + "aB3".repeat(30).slice(0, length);
const HEX = "0123456789abcdef".repeat(4);

describe("a credential by its form", () => {
  it.each([
    [HEX, "64 hex characters, the shape of a gateway secret"],
    [`SECRET=${HEX}`, "64 hex characters, the shape of a gateway secret"],
    ["postgres://mcpist:hunter2@db.example:5432/x", "a connection string with a password"],
    ["postgresql://mcpist:hunter2@db.example/x", "a connection string with a password"],
    ["redis://:hunter2@cache.example", "a connection string with a password"],
    ["https://me:hunter2@example.com/", "a connection string with a password"],
    ["url=mongodb+srv://me:hunter2@example.com", "a connection string with a password"],
    [long("ghp_", 36), "a GitHub token"],
    [long("gho_", 36), "a GitHub token"],
    [long("ghs_", 36), "a GitHub token"],
    [long("github_pat_", 40), "a GitHub token"],
    [long("FlyV1 ", 30), "a Fly.io token"],
    [long("fo1_", 30), "a Fly.io token"],
    [long("fm2_", 30), "a Fly.io token"],
    ["AKIA".concat("ABCDEFGH12345678"), "an AWS key id"],
    ["ASIA".concat("ABCDEFGH12345678"), "an AWS key id"],
    ["-----BEGIN ".concat("PRIVATE KEY-----"), "a private key"],
    ["-----BEGIN ".concat("RSA PRIVATE KEY-----"), "a private key"],
    [`${long("eyJ", 12)}.${long("eyJ", 12)}.${long("", 12)}`, "a JSON Web Token"],
  ])("is known, and masked (case %#)", (text, shape) => {
    expect(secretShapes(text)).toEqual([shape]);
    expect(masked(`before ${text} after`)).toMatch(/^before .*….* after$/);
    expect(secretShapes(masked(`before ${text} after`))).toEqual([]);
  });

  it.each([
    ["a digest of an image", `ghcr.io/acme/origin@sha256:${HEX}`],
    ["a commit", HEX.slice(0, 40)],
    ["a longer digest", HEX + HEX],
    ["an address without a password", "postgres://mcpist@db.example:5432/x"],
    ["an address with a port", "https://example.com:8443/a@b"],
    ["a certificate", "-----BEGIN CERTIFICATE-----"],
    ["the name of a variable", "GATEWAY_SECRET_A"],
  ])("is not: %s", (_, text) => {
    expect(secretShapes(text)).toEqual([]);
    expect(masked(text)).toBe(text);
  });
});
