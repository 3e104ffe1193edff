import { describe, expect, it } from "vitest";
import { parseSandboxUrls } from "./sandbox.ts";

const URLS = {
  gateway: "http://127.0.0.1:1",
  github: "http://127.0.0.1:2",
  notion: "http://127.0.0.1:3",
  broker: "http://127.0.0.1:4/functions/v1/token-broker",
  cloudflare: "http://127.0.0.1:5/client/v4",
  koyeb: "http://127.0.0.1:6",
  fly: "http://127.0.0.1:7",
  issuer: "http://127.0.0.1:8/auth/v1",
  database: "postgres://postgres@127.0.0.1:9/postgres?sslmode=disable",
  control: "http://127.0.0.1:10",
  origins: { koyeb: "http://127.0.0.1:11", fly: "http://127.0.0.1:12" },
};
const parse = (change: object) => parseSandboxUrls(JSON.stringify({ ...URLS, ...change }));

/** Every field that holds a URL, with a way to replace it. */
const FIELDS: readonly (readonly [string, (url: unknown) => object])[] = [
  ...Object.keys(URLS)
    .filter((name) => name !== "origins")
    .map((name) => [name, (url: unknown) => ({ [name]: url })] as const),
  ["origins.koyeb", (url) => ({ origins: { ...URLS.origins, koyeb: url } })],
  ["origins.fly", (url) => ({ origins: { ...URLS.origins, fly: url } })],
];

describe("the variable that joins a process to a running sandbox", () => {
  it("is read when every URL is on loopback", () => {
    expect(parse({})).toEqual(URLS);
    expect(parse({ gateway: "http://localhost:1", control: "http://[::1]:10" })).not.toBeNull();
  });

  it("is read without a control endpoint, as a demo has none", () => {
    expect(parse({ control: "" })).toMatchObject({ control: "" });
  });

  describe.each(FIELDS)("is not read when %s", (name, change) => {
    const scheme = name === "database" ? "postgres" : "https";
    const wrong: readonly (readonly [string, unknown])[] = [
      ["is a name that begins like an address", `${scheme}://127.evil.example`],
      ["continues after an address", `${scheme}://127.0.0.1.evil.example/x`],
      ["has the address as its user", `${scheme}://127.0.0.1@evil.example/x`],
      ["is elsewhere", `${scheme}://example.com`],
      ["is of another scheme", "ftp://127.0.0.1/x"],
      ...(name === "control" ? [] : [["is empty", ""] as const]),
      ["is no text", 7],
      ["is missing", undefined],
    ];
    it.each(wrong)("%s", (_, url) => {
      expect(parse(change(url))).toBeNull();
    });
  });

  const rehearses = { name: "production", settings: {}, ownDrain: false };
  it("is read with the origins of a rehearsal, whatever their names", () => {
    const origins = { tokyo: "http://127.0.0.1:11" };
    expect(parse({ origins, rehearses })).toMatchObject({ origins, rehearses });
    expect(parse({ origins })).toBeNull();
  });
  it.each<[string, object]>([
    ["an origin elsewhere", { rehearses, origins: { tokyo: "https://example.com" } }],
    ["no name", { rehearses: { ...rehearses, name: 7 } }],
    ["no settings", { rehearses: { ...rehearses, settings: "production" } }],
    ["no object", { rehearses: "production" }],
    ["a state that no origin has", { states: { koyeb: "gone" } }],
  ])("is not read with a rehearsal of %s", (_, change) => {
    expect(parse(change)).toBeNull();
  });

  it("is not read when a parameter of the database leads elsewhere", () => {
    expect(parse({ database: "postgres://u@127.0.0.1/x?host=evil.example" })).toBeNull();
  });
});
