import { describe, expect, it } from "vitest";
import { verdict } from "./verdict.ts";

const own = { "x-mcpist-origin": "koyeb" };
const json = { "content-type": "application/json" };
const page = { "content-type": "text/html" };

describe("verdict on an origin's answer", () => {
  it.each([
    ["answer", 200, { ...own, ...json }],
    ["answer", 200, json],
    ["answer", 202, {}],
    ["answer", 200, { "content-type": "text/event-stream" }],
    ["answer", 200, { ...own, ...page }],
    ["platform", 200, page],
    ["platform", 202, { "content-type": "text/plain" }],
    ["answer", 400, { ...own, ...json }],
    ["answer", 400, json],
    ["answer", 404, json],
    ["answer", 406, json],
    ["answer", 429, { ...own, ...json }],
    ["answer", 403, { ...own, ...json, "x-mcpist-deny": "inactive" }],
    ["answer", 500, { ...own, ...json, "x-mcpist-deny": "identity" }],
    ["answer", 503, { ...own, ...json, "x-mcpist-deny": "db" }],
    ["answer", 409, { ...own, ...json }],
    ["secret", 403, { ...own, "x-mcpist-deny": "gateway_secret" }],
    ["secret", 403, { "x-mcpist-deny": "gateway_secret" }],
    ["draining", 503, { ...own, "x-mcpist-deny": "draining" }],
    ["busy", 409, { ...own, ...json, "x-mcpist-claim": "in_progress" }],
    ["answer", 200, { ...own, ...json, "x-mcpist-claim": "replayed" }],
    ["full", 503, { ...own, ...json, "x-mcpist-deny": "busy" }],
    ["refused", 403, page],
    ["refused", 403, json],
    ["refused", 400, page],
    ["refused", 404, page],
    ["refused", 404, {}],
    ["refused", 413, page],
    ["refused", 429, page],
    ["refused", 431, {}],
    ["refused", 408, page],
    ["refused", 451, page],
    ["platform", 460, page],
    ["platform", 499, {}],
    ["answer", 499, own],
    ["platform", 500, json],
    ["platform", 502, page],
    ["platform", 503, {}],
    ["platform", 520, {}],
    ["platform", 302, {}],
    ["platform", 308, own],
    ["platform", 100, {}],
    ["platform", 101, { ...own, ...json }],
    ["platform", 103, json],
    ["platform", 199, { ...own, ...json }],
    ["platform", 600, { ...own, ...json }],
    ["platform", 999, own],
  ])("%s: %i %j", (expected, status, headers) => {
    expect(verdict(status, new Headers(headers as Record<string, string>))).toBe(expected);
  });
});
