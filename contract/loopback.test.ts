import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isLoopbackHost, isLoopbackUrl } from "./loopback.ts";

describe("loopback", () => {
  it.each(["localhost", "LOCALHOST", "127.0.0.1", "127.255.9.10", "[::1]"])("is %s", (host) => {
    expect(isLoopbackHost(host)).toBe(true);
    expect(isLoopbackUrl(`http://${host}:8080/path`)).toBe(true);
    expect(isLoopbackUrl(`postgres://user@${host}:5432/db`)).toBe(true);
  });

  it.each([
    "127.evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil-localhost",
    "127.0.0.256",
    "127.0.0",
    "128.0.0.1",
    "0.0.0.0",
    "[::]",
    "[::2]",
    "::1",
    "127.0.0.1\n",
    "",
  ])("is not %j", (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });

  it.each(["https://127.evil.example", "https://127.0.0.1@evil.example", "http://evil.example/127.0.0.1", "127.0.0.1"])(
    "is not where %s leads",
    (url) => {
      expect(isLoopbackUrl(url)).toBe(false);
    },
  );

  it("is understood by the token broker in the same way", () => {
    const copy = new URL("../supabase/functions/token-broker/loopback.ts", import.meta.url);
    expect(readFileSync(copy, "utf8")).toBe(readFileSync(new URL("loopback.ts", import.meta.url), "utf8"));
  });
});
