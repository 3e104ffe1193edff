/**
 * The sandbox's own HTTP endpoint: fault rules, scenarios, timings, calls, tokens for seeded users and the live page. Loopback only, and not for browsers:
 * another Host or a form post is refused, so that no web page can reach it (DNS rebinding, cross-site requests).
 */
import { Hono } from "hono";
import { z } from "zod";
import { isLoopbackHost } from "../contract/loopback.ts";
import type { Faults, FaultRule } from "./vendors/faults.ts";
import { VENDORS } from "./vendors/faults.ts";
import type { Idp } from "./vendors/idp/idp.ts";
import { USER_COUNT, userId } from "./vendors/idp/tokens.ts";
import type { SandboxUrls } from "../contract/sandbox.ts";
import type { Vendor } from "./client.ts";
import { addControls, type ControlledVendors } from "./controls.ts";
import { SCENARIOS, UnknownScenarioError, type Scenarios } from "./scenarios.ts";
import { addLivePage } from "./watch/live-page.ts";
import type { Timeline } from "./watch/timeline.ts";
import { listen, type Listener, type VendorApp, type VendorContext } from "./vendors/vendor.ts";

/** A page that has its own name resolve to this machine sends that name here. */
const isLocalAuthority = (host: string): boolean => isLoopbackHost(host.replace(/:\d+$/, ""));
const milliseconds = z.int().min(0).max(600_000);
const effect = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("status"),
    when: z.enum(["before", "after"]).default("before"),
    status: z.int().min(400).max(599),
    retryAfterSeconds: z.int().min(0).max(3600).optional(),
  }),
  z.strictObject({ kind: z.literal("reset"), when: z.enum(["before", "lost"]).default("before") }),
  z.strictObject({ kind: z.literal("hang"), when: z.enum(["before", "lost"]).default("before"), ms: milliseconds }),
  z.strictObject({ kind: z.literal("delay"), ms: milliseconds }),
]);
const rule = z.strictObject({
  vendor: z.enum(VENDORS),
  method: z
    .string()
    .regex(/^[A-Z]+$/)
    .optional(),
  path: z.string().max(200).optional(),
  nth: z.int().min(1).optional(),
  every: z.int().min(1).optional(),
  times: z.int().min(1).optional(),
  effect,
});
const timings = z
  .strictObject({
    koyebStepMs: milliseconds,
    koyebDrainMs: milliseconds,
    flyBootMs: milliseconds,
    edgeLagMs: milliseconds,
    githubLagMs: milliseconds,
    listLagMs: milliseconds,
  })
  .partial();
const tokenRequest = z.strictObject({
  user: z.int().min(1).max(USER_COUNT).default(1),
  lifetimeSeconds: z.int().min(1).max(86_400).optional(),
  claims: z.record(z.string(), z.unknown()).optional(),
});

/** What the endpoint steers. */
export interface ControlParts {
  readonly faults: Faults;
  readonly idp: Idp;
  readonly scenarios: Scenarios;
  /** Begins to record, when the page is first asked for; a sandbox that nobody looks at is not watched. */
  readonly watch: () => Timeline;
  /** The vendors, and where their APIs are. */
  readonly vendors: ControlledVendors & { readonly urls: Pick<SandboxUrls, Vendor> };
}

/** Opens the endpoint. @throws when the port is taken. */
export async function startControl(
  context: VendorContext,
  { faults, idp, scenarios, watch, vendors }: ControlParts,
): Promise<Listener> {
  const app: VendorApp = new Hono();
  app.use(async (c, next) => {
    if (!isLocalAuthority(c.req.header("host") ?? ""))
      return c.json({ message: "this endpoint answers on loopback names only" }, 403);
    const writes = ["POST", "PUT", "PATCH"].includes(c.req.method);
    if (writes && !c.req.header("content-type")?.startsWith("application/json"))
      return c.json({ message: "send application/json" }, 415);
    await next();
    return undefined;
  });
  app.onError((error, c) => {
    if (error instanceof UnknownScenarioError) return c.json({ message: error.message }, 404);
    // What was named is not there.
    if (error instanceof TypeError) return c.json({ message: error.message }, 404);
    if (error instanceof SyntaxError)
      return c.json({ message: "the body is not JSON, or the path is not a regular expression" }, 400);
    if (error instanceof z.ZodError) {
      const issues = error.issues.map(({ path, message }) => ({ path: path.map(String).join("."), message }));
      return c.json({ message: "the body does not fit", issues }, 400);
    }
    return c.json({ message: error.message }, 500);
  });
  app.notFound((c) => c.json({ message: "see docs/sandbox.md for what is here" }, 404));

  app.get("/faults", (c) => c.json({ faults: faults.list() }));
  app.post("/faults", async (c) => c.json({ id: faults.add(rule.parse(await c.req.json()) as FaultRule) }, 201));
  app.delete("/faults", (c) => {
    faults.clear();
    return c.body(null, 204);
  });
  app.delete("/faults/:id{[0-9]+}", (c) => {
    faults.remove(Number(c.req.param("id")));
    return c.body(null, 204);
  });
  app.get("/calls", (c) => {
    const since = Math.max(0, Number(c.req.query("since") ?? 0) || 0);
    const calls = faults.calls.slice(since).filter((call) => c.req.query("unknown") === undefined || !call.known);
    return c.json({ next: faults.calls.length, calls });
  });
  app.get("/unknown", (c) => {
    const counts = new Map<string, number>();
    for (const { vendor, method, path } of faults.calls.filter((call) => !call.known)) {
      const name = `${vendor} ${method} ${path.replace(/\?.*$/, "")}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return c.json({ unknown: [...counts].map(([name, count]) => ({ name, count })) });
  });
  app.get("/timings", (c) => c.json(context.timings));
  app.patch("/timings", async (c) => {
    const change = timings.parse(await c.req.json());
    context.timings = {
      ...context.timings,
      ...Object.fromEntries(Object.entries(change).filter(([, ms]) => ms !== undefined)),
    };
    return c.json(context.timings);
  });
  app.get("/scenarios", (c) =>
    c.json({ active: scenarios.active(), scenarios: SCENARIOS.map(({ name, text }) => ({ name, text })) }),
  );
  app.post("/scenarios/:name", async (c) => {
    await scenarios.start(c.req.param("name"));
    return c.json({ active: scenarios.active() });
  });
  app.delete("/scenarios/:name", async (c) => {
    await scenarios.stop(c.req.param("name"));
    return c.json({ active: scenarios.active() });
  });
  app.post("/token", async (c) => {
    const { user, lifetimeSeconds, claims } = tokenRequest.parse(await c.req.json());
    const token = await idp.mint({
      sub: userId(user),
      ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }),
      ...(claims ? { claims } : {}),
    });
    return c.json({ access_token: token, token_type: "bearer" });
  });
  app.post("/idp/rotate", async (c) => {
    const { revoke } = z.strictObject({ revoke: z.boolean().default(false) }).parse(await c.req.json());
    return c.json({ kid: await idp.rotateKey({ revoke }) });
  });

  addControls(app, context, vendors, vendors.urls);
  const page = addLivePage(app, scenarios, watch);
  const listener = await listen(app, context.port("control"));
  return {
    ...listener,
    async close() {
      await page.stop();
      await listener.close();
    },
  };
}
