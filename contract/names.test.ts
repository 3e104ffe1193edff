import { describe, expect, it } from "vitest";
import {
  GITHUB_OWNER,
  GITHUB_REPOSITORY,
  HOST_NAME,
  isCanonicalUrl,
  isPlainHost,
  nearestName,
  PLATFORM_NAME,
  webOriginOf,
} from "./names.ts";

describe("host name", () => {
  it.each(["mcp.example.com", "a.io", "x-1.example.co.jp", "xn--wgv71a.example", "mcp.example.xn--p1ai"])(
    "may be %s",
    (name) => expect(HOST_NAME.shape.test(name)).toBe(true),
  );
  it.each([
    "MCP.example.com",
    "mcp.example.com.",
    " mcp.example.com",
    "mcp.example.com ",
    "mcp..example.com",
    "-mcp.example.com",
    "mcp-.example.com",
    "mcp_1.example.com",
    "*.example.com",
    "https://mcp.example.com",
    "mcp.example.com/mcp",
    "mcp.example.com:443",
    "日本.example",
    "localhost",
    "127.0.0.1",
    "",
    `${"a".repeat(64)}.example.com`,
  ])("may not be %j", (name) => expect(HOST_NAME.shape.test(name)).toBe(false));
});

describe("names at platforms", () => {
  it.each([
    ["owner", GITHUB_OWNER, ["acme", "Acme-2", "jane_acme", "a", "1a"], ["", "-acme", "_acme", "a.b", "a b", "a/b"]],
    ["repository", GITHUB_REPOSITORY, ["mcp", ".github", "a.b_c-d", "..."], ["", ".", "..", "a b", "a/b", "é"]],
    ["app", PLATFORM_NAME, ["a", "mcp", "mcp-2", "a--b"], ["", "-a", "1a", "mcp-", "Mcp", "a_b", "a".repeat(32)]],
  ])("an %s is what the platform can have", (_, { shape }, good, bad) => {
    expect(good.filter((text) => !shape.test(text))).toEqual([]);
    expect(bad.filter((text) => shape.test(text))).toEqual([]);
  });
});

describe("web origin", () => {
  it.each([
    ["https://app.example.com", "https://app.example.com"],
    ["https://app.example.com/", "https://app.example.com"],
    ["HTTPS://App.Example.com", "https://app.example.com"],
    ["https://app.example.com:443", "https://app.example.com"],
    ["http://localhost:6274", "http://localhost:6274"],
    ["http://LOCALHOST:6274", "http://localhost:6274"],
    ["http://[::1]:80", "http://[::1]"],
    ["https://日本.example", "https://xn--wgv71a.example"],
    ["chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"],
    ["tauri://localhost", "tauri://localhost"],
  ])("%s is stored as %s", (text, origin) => {
    expect(webOriginOf(text)).toEqual({ ok: true, value: origin });
  });
  it.each([
    "*",
    "https://*",
    "https://*.example.com",
    "app.example.com",
    "//app.example.com",
    "https:app.example.com",
    "https://app.example.com/path",
    "https://app.example.com?x",
    "https://app.example.com#x",
    "https://user@app.example.com",
    " https://app.example.com",
    "https://app.example.com https://b.example.com",
    "https:\\\\app.example.com",
    "null",
    "",
    "localhost:6274",
    "data:text/plain,x",
    "javascript:alert(1)",
    "Chrome-Extension://abc",
    "chrome-extension://abc/",
  ])("%j can never match and is refused", (text) => {
    expect(webOriginOf(text).ok).toBe(false);
  });
});

describe("canonical URL", () => {
  it.each([
    ["https://mcp.example.com/mcp", true],
    ["https://MCP.Example.com/mcp", false],
    ["HTTPS://mcp.example.com/mcp", false],
    ["https://mcp.example.com:443/mcp", false],
    ["https://日本.example/mcp", false],
    ["https://mcp.example.com/./mcp", false],
    ["https://mcp.example.com", false],
    ["mcp", false],
  ])("%s: %s", (text, expected) => {
    expect(isCanonicalUrl(text)).toBe(expected);
  });
});

describe("plain host", () => {
  it.each(["api.example.com", "127.0.0.1", "[::1]", "localhost"])("is %s", (text) => {
    expect(isPlainHost(text)).toBe(true);
  });
  it.each(["API.example.com", "api.example.com:443", "https://api.example.com", "api.example.com/", "*", "a b", ""])(
    "is not %j",
    (text) => {
      expect(isPlainHost(text)).toBe(false);
    },
  );
});

describe("nearest name", () => {
  const known = ["name", "kind", "url", "app", "service", "region", "state", "allowedOrigins"];
  it.each([
    ["regoin", "region"],
    ["regio", "region"],
    ["Region", "region"],
    ["regions", "region"],
    ["alowedorigins", "allowedOrigins"],
    ["uri", "url"],
    ["sevrice", "service"],
  ])("of %s is %s", (word, meant) => {
    expect(nearestName(word, known)).toBe(meant);
  });
  it.each(["sk_live_51H8xqyAbCdEfGh", "nothing", "xyz", "", "x".repeat(5000), "__proto__"])(
    "of %j is none, so that it is never told back",
    (word) => {
      expect(nearestName(word, known)).toBeNull();
    },
  );
});
