/**
 * Headers, tokens, bodies and errors of strangers, generated: whatever comes, what reads it answers with one of its own results, lets
 * nothing through that it must not, and repeats nothing. What only a socket can bring is in the wire tests of gateway and origin.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DENIALS, type DenialReason } from "../contract/denial.ts";
import { faultOf } from "../origin/faults.ts";
import { createGate } from "../origin/http/verify.ts";
import { readIdentity } from "../origin/identity.ts";
import { deny } from "./deny.ts";
import { bearer } from "./policy/bearer.ts";
import { originHeaders } from "./policy/crossing-headers.ts";
import { legacyCall } from "./policy/era.ts";
import { inspectHeaders, query, shape } from "./policy/shape.ts";
import { takeApart } from "./policy/token.ts";
import { configOf } from "./test/config.ts";

const SECRET = "9f00112233445566778899aabbccddeeff0123456789abcdeffedcba98765432";
const SUB = "11111111-2222-4333-8444-555555555555";
const REQUEST = "01a2037a-11b6-7caf-95af-4f15e6d0a606";
const RUNS = { numRuns: 500 };

/** Names that matter, odd spellings of them, and anything. */
const name = fc.oneof(
  fc.constantFrom("x-gateway-secret", "x-user-id", "x_user_id", "x-request-id", "x-broker-secret", "x-mcpist-attempt"),
  fc.constantFrom(
    "authorization",
    "content-type",
    "content-length",
    "mcp-method",
    "mcp-param-module",
    "accept",
    "host",
  ),
  fc.string({ minLength: 1, maxLength: 40 }).map((text) => text.toLowerCase()),
);
const value = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.constantFrom(SECRET, SUB, "application/json", "Bearer a.b.c", "0", "-1", "1e3", "\u202e", "tools/call", ""),
);
const headers = fc.array(fc.tuple(name, value), { maxLength: 80 }).map((pairs) => new Map(pairs));
const json = fc.json({ maxDepth: 4 });
const segment = fc.oneof(
  fc.string({ maxLength: 60 }),
  json.map((text) => Buffer.from(text).toString("base64url")),
  fc
    .record({
      alg: fc.constantFrom("none", "HS256", "ES256", "RS256", "es256", ""),
      typ: fc.constantFrom("JWT", "at+jwt", "x"),
      kid: fc.string(),
    })
    .map((head) => Buffer.from(JSON.stringify(head)).toString("base64url")),
);

describe("whatever a stranger sends", () => {
  it("in headers is judged, never thrown at", () => {
    fc.assert(
      fc.property(headers, (given) => {
        for (const result of [inspectHeaders(given), shape(given)])
          if (!result.ok) expect(DENIALS[result.error.reason].status).toBeLessThan(500);
      }),
      RUNS,
    );
  });

  it("in headers reaches no origin under a name that only the gateway may say", () => {
    const own = { secret: SECRET, identity: { sub: SUB, clientId: null, exp: 1 }, requestId: REQUEST };
    const version = fc.constantFrom("2026-07-28", "2025-06-18", null);
    fc.assert(
      fc.property(headers, version, (given, named) => {
        const sent = originHeaders(given, { ...own, version: named });
        expect([sent["x-user-id"], sent["x-gateway-secret"], sent["x-request-id"]]).toEqual([SUB, SECRET, REQUEST]);
        const others = Object.keys(sent).filter(
          (key) => !/^(accept|accept-encoding|content-type|traceparent|tracestate|mcp-[\s\S]*)$/.test(key),
        );
        expect(others.toSorted()).toEqual(["x-gateway-secret", "x-request-id", "x-user-id"]);
      }),
      RUNS,
    );
  });

  it("in an address is judged, never thrown at", () => {
    fc.assert(
      fc.property(fc.oneof(fc.webQueryParameters(), fc.string({ maxLength: 500 })), (text) => {
        const result = query(`?${text}`);
        expect(["fine", "shape.headers", "shape.query_token"]).toContain(result.ok ? "fine" : result.error.reason);
      }),
      RUNS,
    );
  });

  it("as a token is taken apart only where its algorithm is one of two", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.tuple(segment, segment, segment).map((parts) => parts.join(".")),
        ),
        (text) => {
          const presented = bearer(`Bearer ${text}`);
          const parts = takeApart(text);
          if (parts.ok) expect(["ES256", "RS256"]).toContain(parts.value.header.alg);
          for (const result of [presented, parts]) if (!result.ok) expect(result.error.reason).toMatch(/^auth\./);
        },
      ),
      RUNS,
    );
  });

  it("as a body is a message or a refusal", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      json.map((text) => new TextEncoder().encode(text)),
    );
    fc.assert(
      fc.property(bytes, fc.constantFrom("meta", "native"), (body, presentation) => {
        const call = legacyCall(body, presentation);
        if (!call.ok) expect(DENIALS[call.error.reason].status).toBe(400);
      }),
      RUNS,
    );
  });

  it("to an origin opens nothing without the secret itself, and names nobody", () => {
    const gate = createGate({ GATEWAY_SECRET_A: SECRET }, { now: () => 0 });
    const raw = fc.array(
      fc.oneof(
        name,
        value.filter((text) => text !== SECRET),
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(raw, (given) => {
        expect(gate.ok && gate.value.check(given)).toEqual({ accepted: false });
        const identity = readIdentity(given);
        if (identity) expect(`${identity.userId} ${identity.requestId}`).toMatch(/^[0-9a-f-]{36} [0-9a-f-]{36}$/);
      }),
      RUNS,
    );
  });
});

describe("an error", () => {
  const CANARY = "canary-4d1f";

  it("that a client sees is a refusal of ours: JSON in one line, without a stack or a word of the request", async () => {
    const context = {
      requestId: REQUEST,
      config: configOf([{ name: "koyeb", url: "https://koyeb.test" }], "https://issuer.test/jwks"),
      webOrigin: null,
    };
    const reasons = fc.constantFrom(...(Object.keys(DENIALS) as DenialReason[]));
    const id = fc.oneof(fc.string(), fc.integer(), fc.constant(null));
    await fc.assert(
      fc.asyncProperty(reasons, id, fc.string(), fc.double({ noNaN: true }), async (reason, rpcId, path, wait) => {
        const retryAfterSeconds = Number.isFinite(wait) ? Math.abs(wait) % 1e6 : 1;
        const response = deny({ reason, retryAfterSeconds }, { ...context, rpcId, path: `/${path}${CANARY}` });
        const text = await response.text();
        expect(response.status).toBeGreaterThanOrEqual(400);
        expect(JSON.parse(text)).toMatchObject({ jsonrpc: "2.0", id: rpcId });
        expect(text).not.toMatch(/\n|\bat \w+ \(|canary-4d1f/);
        expect(JSON.stringify(Object.fromEntries(response.headers))).not.toContain(CANARY);
      }),
      { numRuns: 200 },
    );
  });

  it("that a log holds has lost its message, whatever was thrown", () => {
    const text = fc.string().map((word) => `${word}${CANARY}\n    at ${CANARY} (x)`);
    const thrown = fc.oneof(
      text.map((message) => new Error(message)),
      text.map((message) => Object.assign(new TypeError(message), { code: CANARY, name: `${CANARY} x` })),
      text.map((message) => new Error("outer", { cause: new Error(message) })),
      text,
      fc.anything().filter((what) => !(what instanceof Error)),
    );
    fc.assert(
      fc.property(thrown, (what) => {
        const { frames, error } = faultOf(what);
        expect(`${frames.join("\n")} ${error}`).not.toContain(CANARY);
      }),
      RUNS,
    );
  });

  it("would be noticed: a reader that throws, and one that lets a name through", () => {
    const failed = (read: (given: ReadonlyMap<string, string>) => void): boolean =>
      fc.check(fc.property(headers, read), { numRuns: 500 }).failed;
    const named = (merged: Record<string, string>): void => {
      expect(merged["x-user-id"]).toBe(SUB);
    };
    expect(failed((given) => given.forEach((text) => new URL(text)))).toBe(true);
    expect(failed((given) => named({ ...Object.fromEntries(given), "x-user-id": SUB }))).toBe(false);
    expect(failed((given) => named({ "x-user-id": SUB, ...Object.fromEntries(given) }))).toBe(true);
  });
});
