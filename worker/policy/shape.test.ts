import { describe, expect, it, vi } from "vitest";
import { inspectHeaders, query, shape, webOrigin } from "./shape.ts";

const reasonOf = (result: { ok: boolean; error?: { reason: string } }): string | null => result.error?.reason ?? null;

describe("media type and declared size", () => {
  it.each([
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json;",
    "application/json ; ;charset=utf-8;",
    "application/json; charset=utf8",
    "application/json; charset=us-ascii",
    "application/json; charset=utf-16",
    "application/json; odata.metadata=minimal",
    "application/json; charset=utf-8; v=1",
    'application/json; profile="https://example.com/a; b, \\"c\\""',
    "application/json, application/json",
    "application/json; charset=utf-8, application/json",
  ])("takes %s", (type) => {
    expect(shape(new Headers({ "content-type": type }))).toEqual({ ok: true, value: undefined });
  });

  it.each([
    "",
    "text/plain",
    "application/jsonx",
    "application/json-rpc",
    "application/vnd.api+json",
    "application/json text/plain",
    "application/json, text/plain",
    "text/plain, application/json",
    "text/plain; application/json",
    "application/json; charset",
    'application/json; charset="utf-8',
    "application/json,",
    "text/json",
    "multipart/form-data",
  ])("refuses the media type %j", (type) => {
    expect(reasonOf(shape(new Headers(type === "" ? {} : { "content-type": type })))).toBe("shape.media");
  });

  it.each(["gzip", "br", "identity, gzip", "deflate"])(
    "refuses the content encoding %s, which would hide the size",
    (encoding) => {
      expect(reasonOf(shape(new Headers({ "content-type": "application/json", "content-encoding": encoding })))).toBe(
        "shape.encoding",
      );
    },
  );

  it.each(["", "identity", "Identity", "identity, identity"])(
    "takes the content encoding %j, which is none",
    (encoding) => {
      expect(shape(new Headers({ "content-type": "application/json", "content-encoding": encoding })).ok).toBe(true);
    },
  );

  it.each([
    ["4194304", null],
    ["4194305", "shape.size"],
    ["99999999999999999999", "shape.size"],
    ["-1", "shape.size"],
    ["1e3", "shape.size"],
    ["10, 10", "shape.size"],
  ])("judges a declared length of %s", (length, reason) => {
    expect(reasonOf(shape(new Headers({ "content-type": "application/json", "content-length": length })))).toBe(reason);
  });
});

describe("query", () => {
  it.each(["", "?debug=1", "?tokens=3", "?q=a.b.c"])("lets %j pass", (search) => {
    expect(query(search).ok).toBe(true);
  });
  it.each([
    "?access_token=x",
    "?ACCESS_TOKEN=x",
    "?token=",
    "?a=1&id_token=y",
    "?Authorization=Bearer%20z",
    "?api_key=k",
    "?x=eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "?eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "?x=Bearer+eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "?access%5Ftoken=x",
  ])("refuses a token in %j", (search) => {
    expect(query(search)).toEqual({ ok: false, error: { reason: "shape.query_token" } });
  });
});

describe("a query made to be slow", () => {
  // Each step is a character that some pattern looks at; a quadratic one would read the text once per "eyJ".
  it("is looked through once, however often a token seems to begin", () => {
    let reads = 0;
    // oxlint-disable-next-line typescript/unbound-method -- it is called with the text that was split
    const { split } = String.prototype;
    const counted = vi.spyOn(String.prototype, "split").mockImplementation(function (this: string, by) {
      reads += this.length;
      return Reflect.apply(split, this, [by]);
    });
    const search = `?a=${"eyJ".repeat(2700)}`;
    expect(query(search).ok).toBe(true);
    counted.mockRestore();
    expect(reads).toBe(2700 * 3 + 1);
  });
  it("is refused when it is longer than any use of it", () => {
    expect(query(`?a=${"x".repeat(8189)}`).ok).toBe(true);
    expect(query(`?a=${"x".repeat(8190)}`)).toEqual({ ok: false, error: { reason: "shape.headers" } });
  });
  it.each(["?x=eyJ.a", "?x=eyJ..b", "?x=eyJ.a+b.c", "?x=ey.J.a", "?x=.eyJ.a"])(
    "does not take %j for a token",
    (search) => {
      expect(query(search).ok).toBe(true);
    },
  );
  it.each(["?x=eyJ.a.", "?x=aeyJb.c.d", "?x=a.eyJ.b.c", "?x=!eyJ.a.b!"])("finds the token in %j", (search) => {
    expect(query(search).ok).toBe(false);
  });
});

describe("headers that are sent on", () => {
  const refused = (reason: string) => ({ ok: false, error: { reason } });
  const params = (count: number): Headers =>
    new Headers(Array.from({ length: count }, (_, i) => [`mcp-param-${i}`, "x"] as [string, string]));
  it("hold ASCII only: other bytes grow on the way", () => {
    for (const value of ["\xff", "a\x80", "\x7f"])
      for (const name of ["mcp-param-x", "mcp-name", "traceparent", "tracestate"])
        expect([name, inspectHeaders(new Map([[name, value]]))]).toEqual([name, refused("shape.header_bytes")]);
    expect(inspectHeaders(new Map([["user-agent", "\xff"]])).ok).toBe(true);
  });
  it("have at most 64 parameters", () => {
    expect(inspectHeaders(params(64)).ok).toBe(true);
    expect(inspectHeaders(params(65))).toEqual(refused("shape.headers"));
  });
  it("have at most 16 KiB", () => {
    const size = 16 * 1024 - "mcp-param-x".length - 4;
    expect(inspectHeaders(new Map([["mcp-param-x", "x".repeat(size)]])).ok).toBe(true);
    expect(inspectHeaders(new Map([["mcp-param-x", "x".repeat(size + 1)]]))).toEqual(refused("shape.headers"));
  });
});

describe("headers", () => {
  it("counts names and values", () => {
    const fits = new Headers({ a: "x".repeat(32 * 1024 - 5) });
    expect(inspectHeaders(fits)).toMatchObject({ ok: true });
    fits.set("b", "");
    expect(inspectHeaders(fits)).toEqual({ ok: false, error: { reason: "shape.headers" } });
  });

  it.each([
    ["x-user-id", "xuserid"],
    ["X-User_ID", "xuserid"],
    ["X.User.Id", "xuserid"],
    ["x_user_id", "xuserid"],
    ["XUserId", "xuserid"],
    ["X-Gateway-Secret", "xgatewaysecret"],
    ["x-gateway_secret", "xgatewaysecret"],
    ["X-Request-ID", "xrequestid"],
    ["x-broker-secret", "xbrokersecret"],
    ["X-Mcpist-Attempt", "xmcpistattempt"],
    ["x_mcpist_anything", "xmcpistanything"],
    ["X-Forwarded-Host", "xforwardedhost"],
    ["x_forwarded_for", "xforwardedfor"],
  ])("notices that a client sent %s", (name, folded) => {
    expect(inspectHeaders(new Headers({ [name]: "1" }))).toEqual({ ok: true, value: [folded] });
  });

  it.each(["x-forwarded-for", "X-Forwarded-Proto", "authorization", "x-user-agent", "mcp-name"])(
    "is not alarmed by %s, which the platform or an honest client sends",
    (name) => {
      expect(inspectHeaders(new Headers({ [name]: "1" }))).toEqual({ ok: true, value: [] });
    },
  );
});

describe("web origin", () => {
  const list = ["https://app.example.com"];
  it.each([null, "https://app.example.com"])("lets %j pass", (origin) => {
    expect(webOrigin(origin, list).ok).toBe(true);
  });
  it.each([
    "null",
    "",
    "https://app.example.com/",
    "http://app.example.com",
    "https://app.example.com.evil.test",
    "HTTPS://APP.EXAMPLE.COM",
  ])("refuses %j", (origin) => {
    expect(webOrigin(origin, list)).toEqual({ ok: false, error: { reason: "shape.origin" } });
  });
});
