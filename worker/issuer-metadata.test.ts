import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { IssuerMetadata, metadataUrls, type IssuerDocument } from "./issuer-metadata.ts";
import { collectWaitUntil, testRuntime, type TestRuntime } from "./test/clock.ts";

const ISSUER = "https://issuer.test/auth/v1";
const PROPER = "https://issuer.test/.well-known/oauth-authorization-server/auth/v1";
const TEXT = `{ "issuer": "${ISSUER}",  "token_endpoint": "${ISSUER}/token" }\n`;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

type Respond = (url: string, init: RequestInit) => Response | Promise<Response>;
const publishes: Respond = () => new Response(TEXT);
const fails: Respond = () => new Response("no", { status: 500 });

interface Bench {
  respond: Respond;
  readonly reports: readonly string[];
  readonly runtime: TestRuntime;
  readonly ask: () => Promise<string>;
  readonly settle: () => Promise<void>;
}

function bench(respond: Respond): Bench {
  const { waitUntil, done } = collectWaitUntil();
  const reports: string[] = [];
  const runtime = testRuntime((url, init) => self.respond(url, init));
  const metadata = new IssuerMetadata({ issuer: ISSUER, runtime, report: (reason) => void reports.push(reason) });
  const self: Bench = {
    respond,
    reports,
    runtime,
    ask: async () => textOf(await metadata.document(waitUntil)),
    settle: done,
  };
  return self;
}
const textOf = (document: IssuerDocument): string =>
  typeof document === "string" ? document : new TextDecoder().decode(document);

describe("addresses of the issuer's metadata", () => {
  it.each([
    [
      ISSUER,
      [
        PROPER,
        "https://issuer.test/auth/v1/.well-known/openid-configuration",
        "https://issuer.test/auth/v1/.well-known/oauth-authorization-server",
      ],
    ],
    [
      "https://tenant.eu.auth0.com/",
      [
        "https://tenant.eu.auth0.com/.well-known/oauth-authorization-server",
        "https://tenant.eu.auth0.com/.well-known/openid-configuration",
      ],
    ],
    [
      "https://id.test/realms/one/",
      [
        "https://id.test/.well-known/oauth-authorization-server/realms/one",
        "https://id.test/realms/one/.well-known/openid-configuration",
        "https://id.test/realms/one/.well-known/oauth-authorization-server",
      ],
    ],
  ])("of %s", (issuer, urls) => {
    expect(metadataUrls(issuer)).toEqual(urls);
  });
});

describe("metadata of the issuer", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("is handed on byte for byte, fetched once for a herd, without redirects and with an end", async () => {
    const inits: RequestInit[] = [];
    const self = bench((url, init) => {
      inits.push(init);
      return publishes(url, init);
    });
    const answers = await Promise.all(Array.from({ length: 50 }, () => self.ask()));
    expect(new Set(answers)).toEqual(new Set([TEXT]));
    expect(self.runtime.fetched).toEqual([PROPER]);
    expect(inits).toMatchObject([{ redirect: "manual" }]);
    expect(inits[0]?.signal).toBeInstanceOf(AbortSignal);
  });

  it("is looked for where issuers publish it", async () => {
    const self = bench((url) => new Response(url === PROPER ? "no" : TEXT, { status: url === PROPER ? 404 : 200 }));
    expect(await self.ask()).toBe(TEXT);
    expect(self.runtime.fetched).toHaveLength(2);
    expect(self.reports).toEqual([]);
  });

  it("is kept for ten minutes, and then asked for behind the request", async () => {
    const self = bench(publishes);
    await self.ask();
    self.runtime.at(9 * MINUTE);
    await self.ask();
    expect(self.runtime.fetched).toHaveLength(1);
    self.runtime.at(10 * MINUTE);
    expect(await self.ask()).toBe(TEXT);
    await self.settle();
    expect(self.runtime.fetched).toHaveLength(2);
  });

  it("survives a day without the issuer, with one attempt per 30 s", async () => {
    const self = bench(publishes);
    await self.ask();
    self.respond = fails;
    for (let ms = HOUR; ms < HOUR + 2 * MINUTE; ms += SECOND) {
      self.runtime.at(ms);
      expect(await self.ask()).toBe(TEXT);
      await self.settle();
    }
    expect(self.runtime.fetched.length).toBeLessThanOrEqual(1 + 4 * 3);
    self.runtime.at(24 * HOUR);
    expect(await self.ask()).toBe("unavailable");
  });

  it("is unavailable for whoever waits for an issuer that hangs", async () => {
    const self = bench(() => new Promise<Response>(() => undefined));
    const answers = Promise.all([self.ask(), self.ask()]);
    await vi.advanceTimersByTimeAsync(3000);
    expect(await answers).toEqual(["unavailable", "unavailable"]);
    expect(self.runtime.fetched).toEqual([PROPER]);
  });

  it.each<[string, string, Respond]>([
    ["absent", "absent", () => new Response("no", { status: 404 })],
    ["unavailable", "status", fails],
    ["unavailable", "status", (url) => new Response("no", { status: url === PROPER ? 404 : 503 })],
    ["unavailable", "status", (url) => new Response("no", { status: url === PROPER ? 503 : 404 })],
    ["unavailable", "status", () => new Response(null, { status: 302, headers: { location: "https://evil.test/" } })],
    ["unavailable", "json", () => new Response("<html>")],
    ["unavailable", "json", () => Response.json([])],
    ["unavailable", "json", () => new Response(Uint8Array.from([0xff, 0xfe]))],
    ["unavailable", "size", () => new Response(`${TEXT}${" ".repeat(65_536)}`)],
    ["unavailable", "issuer", () => Response.json({ issuer: "https://evil.test" })],
    ["unavailable", "issuer", () => Response.json({ issuer: `${ISSUER}/` })],
    ["unavailable", "network", () => Promise.reject(new TypeError("fetch failed"))],
    ["unavailable", "timeout", () => Promise.reject(new DOMException("late", "TimeoutError"))],
  ])("is %s (%s)", async (answer, reason, respond) => {
    const self = bench(respond);
    expect(await self.ask()).toBe(answer);
    expect(self.reports).toEqual([reason]);
    const asked = self.runtime.fetched.length;
    self.runtime.at(29 * SECOND);
    expect(await self.ask()).toBe(answer);
    expect(self.runtime.fetched).toHaveLength(asked);
    self.respond = publishes;
    self.runtime.at(30 * SECOND);
    expect(await self.ask()).toBe(TEXT);
  });
});
