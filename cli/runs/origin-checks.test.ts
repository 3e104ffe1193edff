/** Every check notices the origin that breaks it: one that keeps the contract, in memory, and a broken copy for each sentence. */
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { kidOf } from "../../contract/gateway-secret.ts";
import type { RawAnswer, RawRequest } from "../targets/origin-wire.ts";
import { checkOrigin } from "./origin-checks.ts";

const text = (n: number): string => createHash("sha256").update(`checks ${n}`).digest("hex");
const [SECRET, STRANGER] = [text(1), text(2)];
const SLOTS = { a: SECRET, b: "revoked:0000000000000000" };
const USER = "00000000-0000-4000-8000-000000000001";
const json = (value: unknown): Pick<RawAnswer, "body" | "headers"> => ({
  body: JSON.stringify(value),
  headers: { "x-mcpist-origin": "fake", "content-type": "application/json" },
});
const valuesOf = ({ headers = [] }: RawRequest, name: string): readonly string[] =>
  headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name);

let kid: string;
beforeAll(async () => {
  kid = await kidOf(Uint8Array.from(Buffer.from(SECRET, "hex")));
});

/** An origin that keeps the contract. */
function goodOrigin(): (request: RawRequest) => RawAnswer {
  let last: number | null = null;
  const kept = new Map<string, RawAnswer>();
  const deny = (status: number, reason: string): RawAnswer => ({
    status,
    body: "",
    headers: { "x-mcpist-origin": "fake", "x-mcpist-deny": reason },
  });
  return (request) => {
    const sent = valuesOf(request, "x-gateway-secret");
    const accepted = sent.length === 1 && sent[0] === SECRET;
    if (request.path === "/health") return { status: 200, ...json({ status: "ok" }) };
    if (request.path === "/.well-known/mcpist/gateway") {
      const seen = {
        role: "origin",
        instanceId: "i",
        deployment: "d",
        kids: { a: kid, b: SLOTS.b },
        lastAccepted: { [kid]: last },
        marks: {},
        ...(sent.length > 0 ? { accepted } : {}),
      };
      const { body, headers } = json(seen);
      return { status: 200, body, headers: { ...headers, "cache-control": "no-store" } };
    }
    if (!accepted) return deny(403, "gateway_secret");
    if (request.path === "/health/ready") return { status: 200, ...json({}) };
    last = 0;
    if (request.method !== "POST") return { ...deny(405, "") };
    const [users, ids] = [valuesOf(request, "x-user-id"), valuesOf(request, "x-request-id")];
    const shaped = users[0] === USER && /^[0-9a-f]{8}-[0-9a-f]{4}-7/.test(ids[0] ?? "");
    if (users.length !== 1 || ids.length !== 1 || !shaped) return deny(500, "identity");
    if (request.body?.startsWith("[") === true) return { status: 400, ...json({}) };
    const { method } = JSON.parse(request.body ?? "") as { readonly method: string };
    const id = ids[0] ?? "";
    const known = kept.get(id);
    if (known) return { ...known, headers: { ...known.headers, "x-mcpist-claim": "replayed" } };
    const result = method === "tools/list" ? { tools: [] } : { content: [{ type: "text", text: `${kept.size}` }] };
    const answer = { status: 200, ...json({ jsonrpc: "2.0", id: 1, result }) };
    if (method === "tools/call") kept.set(id, answer);
    return answer;
  };
}

async function brokenBy(change: (answer: RawAnswer, request: RawRequest) => RawAnswer): Promise<readonly string[]> {
  const origin = goodOrigin();
  let count = 0;
  const verdicts = await checkOrigin({
    send: async (request) => change(origin(request), request),
    slots: SLOTS,
    stranger: STRANGER,
    requestId: () => `00000000-0000-7000-8000-${String(++count).padStart(12, "0")}`,
    userId: USER,
    tool: { name: "hello", args: {} },
  });
  return verdicts.filter(({ outcome }) => outcome === "broken").map(({ what }) => what);
}
const without = (answer: RawAnswer, name: string): RawAnswer => ({
  ...answer,
  headers: Object.fromEntries(Object.entries(answer.headers).filter(([key]) => key !== name)),
});
const observed = (answer: RawAnswer, more: Readonly<Record<string, unknown>>): RawAnswer => ({
  ...answer,
  body: JSON.stringify({ ...(JSON.parse(answer.body) as object), ...more }),
});
const sees = ({ path }: RawRequest): boolean => path === "/.well-known/mcpist/gateway";
const admitted: RawAnswer = { status: 200, ...json({ jsonrpc: "2.0", id: 1, result: { tools: [] } }) };
const shows = (request: RawRequest, ...values: readonly string[]): boolean =>
  request.path === "/mcp" && valuesOf(request, "x-gateway-secret").join() === values.join();

describe("the checks of an origin", () => {
  it("find nothing in one that keeps the contract", async () => {
    expect(await brokenBy((answer) => answer)).toEqual([]);
  });

  const mutants: readonly (readonly [string, (answer: RawAnswer, request: RawRequest) => RawAnswer, RegExp])[] = [
    [
      "counts its health",
      (a, r) => (r.path === "/health" ? { ...a, body: `${Math.random()}` } : a),
      /^\/health answers/,
    ],
    ["hides its observation", (a, r) => (sees(r) ? { ...a, status: 403 } : a), /^the observation is open/],
    [
      "lets its observation be cached",
      (a, r) => (sees(r) ? without(a, "cache-control") : a),
      /^the observation is open/,
    ],
    [
      "reports another kid",
      (a, r) => (sees(r) ? observed(a, { kids: { a: "0".repeat(16), b: null } }) : a),
      /reports the slots/,
    ],
    [
      "accepts whoever looks",
      (a, r) => (sees(r) && a.body.includes('accepted":false') ? observed(a, { accepted: true }) : a),
      /whether a secret/,
    ],
    ["keeps its marks", (a, r) => (sees(r) ? observed(a, { marks: undefined }) : a), /^the observation is open/],
    [
      "marks with what is none",
      (a, r) => (sees(r) ? observed(a, { marks: { DATABASE_URL: "a value" } }) : a),
      /^the observation is open/,
    ],
    [
      "echoes the secret in a header",
      (a, r) => (shows(r, SECRET) ? { ...a, headers: { ...a.headers, "x-debug": SECRET } } : a),
      /^the secret is in no answer/,
    ],
    [
      "tells the secret to whoever looks",
      (a, r) => (sees(r) ? observed(a, { secret: SECRET.toUpperCase() }) : a),
      /^the secret is in no answer/,
    ],
    ["lets everybody in", (a, r) => (shows(r) ? admitted : a), /without the secret is refused/],
    ["lets an empty secret in", (a, r) => (shows(r, "") ? admitted : a), /empty secret is refused/],
    ["lets upper case in", (a, r) => (shows(r, SECRET.toUpperCase()) ? admitted : a), /upper case is refused/],
    ["compares a prefix", (a, r) => (shows(r, `${SECRET}0`) ? admitted : a), /one character more is refused/],
    ["takes the first of two headers", (a, r) => (shows(r, SECRET, SECRET) ? admitted : a), /secret twice is refused/],
    ["takes the last of two headers", (a, r) => (shows(r, STRANGER, SECRET) ? admitted : a), /beside another value/],
    ["takes a tombstone for a secret", (a, r) => (shows(r, SLOTS.b) ? admitted : a), /tombstone in GATEWAY_SECRET_B/],
    [
      "waits for the body",
      (a, r) => (r.withheld === undefined ? a : { status: 0, headers: {}, body: "" }),
      /does not wait/,
    ],
    ["says why in the body", (a) => (a.status === 403 ? { ...a, body: "no" } : a), /is refused/],
    ["does not say why", (a) => (a.status === 403 ? without(a, "x-mcpist-deny") : a), /is refused/],
    ["is nobody", (a) => without(a, "x-mcpist-origin"), /^\/health answers/],
    ["opens its readiness", (a, r) => (r.path === "/health/ready" ? { ...a, status: 200 } : a), /what is not open/],
    [
      "serves nobody in particular",
      (a) => (a.headers["x-mcpist-deny"] === "identity" ? admitted : a),
      /gateway's fault/,
    ],
    ["opens streams", (a) => (a.status === 405 ? { ...a, status: 200 } : a), /GET \/mcp is refused/],
    ["runs batches", (a) => (a.status === 400 ? admitted : a), /batch is refused/],
    ["lists nothing", (a, r) => (shows(r, SECRET) && a.status === 200 ? { ...a, body: "{}" } : a), /tools are listed/],
    [
      "forgets who was accepted",
      (a, r) => (sees(r) ? observed(a, { lastAccepted: { [kid]: null } }) : a),
      /shows in lastAccepted/,
    ],
    [
      "runs a call twice",
      (a) => (a.headers["x-mcpist-claim"] === "replayed" ? without(a, "x-mcpist-claim") : a),
      /run once/,
    ],
  ];
  it.each(mutants)("notice one that %s", async (_, change, what) => {
    expect((await brokenBy(change)).join("\n")).toMatch(what);
  });
});
