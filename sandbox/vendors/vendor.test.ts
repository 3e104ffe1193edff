import { Hono } from "hono";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createContext } from "./context.ts";
import { errorBody } from "./error-shapes.ts";
import type { FaultEffect } from "./faults.ts";
import { failing, listen, withFaults, type Listener, type VendorApp, type VendorContext } from "./vendor.ts";

let context: VendorContext;
let listener: Listener;
let carriedOut: number;
const lines: string[] = [];

beforeEach(async () => {
  carriedOut = 0;
  lines.length = 0;
  context = createContext({ log: (line) => lines.push(line) });
  const app: VendorApp = new Hono();
  app.put("/thing", (c) => {
    carriedOut++;
    return c.json({ ok: true });
  });
  app.onError(failing("koyeb", context));
  app.put("/broken", () => JSON.parse("{secret") as never);
  listener = await listen(withFaults("koyeb", context, app), 0);
});
afterEach(() => listener.close());

const put = (path = "/thing") =>
  fetch(listener.url + path, { method: "PUT" }).then(
    (response) => response.status,
    () => 0,
  );

test.each<[string, FaultEffect, number, number]>([
  ["a refusal before: the vendor never sees the call", { kind: "status", when: "before", status: 503 }, 503, 0],
  ["a refusal after: the vendor has carried it out", { kind: "status", when: "after", status: 500 }, 500, 1],
  ["a reset before: nothing happened", { kind: "reset", when: "before" }, 0, 0],
  ["a lost reply: it happened and nobody says so", { kind: "reset", when: "lost" }, 0, 1],
  ["a hang: no answer, then a reset", { kind: "hang", when: "before", ms: 20 }, 0, 0],
  ["a delay: the right answer, later", { kind: "delay", ms: 20 }, 200, 1],
])("%s", async (_name, effect, status, count) => {
  context.faults.add({ vendor: "koyeb", effect, times: 1 });
  expect(await put()).toBe(status);
  expect(carriedOut).toBe(count);
  expect(await put()).toBe(200);
});

test("a call that a listener holds is served once it lets go", async () => {
  const [arrived, letGo] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  context.faults.onCall(() => {
    arrived.resolve();
    return letGo.promise;
  });
  const status = put();
  await arrived.promise;
  await new Promise((resolve) => setImmediate(resolve));
  expect(carriedOut).toBe(0);
  letGo.resolve();
  expect(await status).toBe(200);
  expect(carriedOut).toBe(1);
});

test("429 carries retry-after", async () => {
  context.faults.add({
    vendor: "koyeb",
    effect: { kind: "status", when: "before", status: 429, retryAfterSeconds: 7 },
  });
  const response = await fetch(`${listener.url}/thing`, { method: "PUT" });
  expect([response.status, response.headers.get("retry-after")]).toEqual([429, "7"]);
});

test("of calls at the same time, only the one without a route is marked as unknown", async () => {
  expect(await Promise.all([put(), put("/other"), put()])).toEqual([200, 404, 200]);
  expect(context.faults.calls.filter((call) => !call.known).map((call) => call.path)).toEqual(["/other"]);
  expect(lines).toEqual(["sandbox: koyeb does not imitate PUT /other"]);
});

test("what a handler did not expect is told in the vendor's shape, and its place to the operator", async () => {
  const response = await fetch(`${listener.url}/broken`, { method: "PUT" });
  expect([response.status, await response.json()]).toEqual([
    500,
    { status: 500, code: "internal", message: "internal error of the sandbox" },
  ]);
  expect(lines).toEqual([expect.stringMatching(/^sandbox: koyeb failed at PUT \/broken: SyntaxError at \S/)]);
  expect(lines.join("")).not.toContain("secret");
});

test.each([
  ["koyeb", "/v1/x", { status: 404, code: "not_found", message: "m" }],
  ["fly", "/v1/x", { error: "m" }],
  ["cloudflare", "/x", { success: false, errors: [{ code: 7000, message: "m" }], messages: [], result: null }],
  ["github", "/x", { message: "m", documentation_url: "https://docs.github.com/rest", status: "404" }],
  ["notion", "/v1/x", { object: "error", status: 404, code: "object_not_found", message: "m" }],
  ["fly", "/graphql", { data: null, errors: [{ message: "m", path: [], extensions: { code: "NOT_FOUND" } }] }],
] as const)("what %s does not imitate at %s is told in the vendor's own shape", (vendor, path, body) => {
  expect(errorBody(vendor, 404, "m", path)).toEqual(body);
});

test("a call whose caller hangs up is marked, one that the sandbox drops is not", async () => {
  const { faults } = context;
  faults.add({ vendor: "koyeb", effect: { kind: "hang", when: "before", ms: 30_000 }, times: 1 });
  const controller = new AbortController();
  const hanging = fetch(`${listener.url}/thing`, { method: "PUT", signal: controller.signal }).catch(() => null);
  await expect.poll(() => faults.calls.length).toBe(1);
  controller.abort();
  await hanging;
  await expect.poll(() => faults.calls[0]?.gone).toBe(true);
  faults.add({ vendor: "koyeb", effect: { kind: "reset", when: "before" }, times: 1 });
  expect([await put(), await put()]).toEqual([0, 200]);
  expect(faults.calls.map(({ gone }) => gone)).toEqual([true, false, false]);
});
