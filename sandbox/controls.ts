/**
 * What only the sandbox's owner can do to the vendors, over the control endpoint: what no API of theirs has (the end of a workflow
 * run, an unreachable host, how many instances run), an edit by hand, and where one instance listens.
 */
import { z } from "zod";
import type { SandboxAccounts, SandboxUrls } from "../contract/sandbox.ts";
import type { Vendor } from "./client.ts";
import type { CloudflareEmulator } from "./vendors/cloudflare/cloudflare.ts";
import type { Fly } from "./vendors/fly/fly.ts";
import type { Github } from "./vendors/github/github.ts";
import { DOCUMENTED } from "./vendors/github/rate.ts";
import type { Koyeb } from "./vendors/koyeb/koyeb.ts";
import { BY_HAND, type VendorApp, type VendorContext } from "./vendors/vendor.ts";

/** What the controls work on. */
export interface ControlledVendors {
  readonly github: Github;
  readonly cloudflare: CloudflareEmulator;
  readonly koyeb: Koyeb;
  readonly fly: Fly;
  /** Whose first origin on a platform is meant where none is named. */
  readonly accounts: SandboxAccounts;
}

const text = z.string().min(1).max(200);
const count = z.int().min(0).max(100_000);
const milliseconds = z.int().min(0).max(600_000);
/** App and service on Koyeb, app on Fly.io: required where the environment has none there. */
function placesIn({ origins }: SandboxAccounts) {
  const koyeb = origins.find((origin) => origin.kind === "koyeb");
  const fly = origins.find((origin) => origin.kind === "fly");
  return {
    ofKoyeb: { app: koyeb ? text.default(koyeb.app) : text, service: koyeb ? text.default(koyeb.service) : text },
    ofFly: { app: fly ? text.default(fly.app) : text },
  };
}
const run = z.strictObject({
  status: z.enum(["queued", "in_progress", "completed"]).default("completed"),
  conclusion: z.enum(["success", "failure", "cancelled", "timed_out", "skipped"]).nullable().default(null),
});
const limits = z.strictObject({
  secondary: z
    .strictObject({
      pointsPerMinute: count.default(DOCUMENTED.pointsPerMinute),
      writesPerMinute: count.default(DOCUMENTED.writesPerMinute),
      retryAfter: z.boolean().default(true),
    })
    .nullable(),
});
const edit = z.strictObject({
  vendor: z.enum(["github", "cloudflare", "koyeb", "fly"]),
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]),
  path: z.string().startsWith("/").max(500),
  body: z.unknown().optional(),
});

/** Adds the routes. @param urls of the vendors' APIs. */
export function addControls(
  app: VendorApp,
  context: VendorContext,
  vendors: ControlledVendors,
  urls: Pick<SandboxUrls, Vendor>,
): void {
  const { github, cloudflare, koyeb, fly } = vendors;
  const { ofKoyeb, ofFly } = placesIn(vendors.accounts);
  const edge = z.discriminatedUnion("platform", [
    z.strictObject({ platform: z.literal("koyeb"), ...ofKoyeb }),
    z.strictObject({ platform: z.literal("fly"), ...ofFly }),
  ]);

  app.get("/settings", (c) => c.json({ light: context.light }));
  app.patch("/settings", async (c) => {
    context.light = z.strictObject({ light: z.boolean() }).parse(await c.req.json()).light;
    return c.json({ light: context.light });
  });
  app.get("/instances", (c) => {
    const shown = (platform: "koyeb" | "fly", instances: ReturnType<Koyeb["instances"]>) =>
      instances.map((instance) => ({ platform, ...instance }));
    return c.json({ instances: [...shown("koyeb", koyeb.instances()), ...shown("fly", fly.instances())] });
  });
  app.post("/edges", async (c) => {
    const asked = edge.parse(await c.req.json());
    const url = await (asked.platform === "koyeb" ? koyeb.edgeUrl(asked.app, asked.service) : fly.edgeUrl(asked.app));
    return c.json({ url });
  });

  // An edit by hand: the vendor takes it as from a person at its console. No fault rule, no log, no rotation's journal knows of it.
  app.post("/edits", async (c) => {
    const { vendor, method, path, body } = edit.parse(await c.req.json());
    const response = await fetch(urls[vendor] + path, {
      method,
      headers: {
        authorization: `Bearer ${context.tokens[vendor]}`,
        "user-agent": "mcpist-sandbox",
        [BY_HAND]: context.byHand,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.text();
    return c.json({
      status: response.status,
      answer: answer.startsWith("{") || answer.startsWith("[") ? (JSON.parse(answer) as unknown) : answer,
    });
  });

  app.put("/github/runs/:id{[0-9]+}", async (c) => {
    const { status, conclusion } = run.parse(await c.req.json());
    const ended = status === "completed" ? (conclusion ?? "success") : null;
    github.setRun(Number(c.req.param("id")), status, ended);
    return c.json({ id: Number(c.req.param("id")), status, conclusion: ended });
  });
  app.post("/github/keys/rotate", (c) => {
    github.rotateKeys();
    return c.body(null, 204);
  });
  app.patch("/github/limits", async (c) => {
    github.rates.secondary = limits.parse(await c.req.json()).secondary;
    return c.json({ secondary: github.rates.secondary });
  });
  app.post("/cloudflare/schedules/run", async (c) => {
    await cloudflare.runScheduled();
    return c.body(null, 204);
  });
  app.post("/koyeb/rollouts", async (c) => {
    const { app: name, behaviour } = z
      .strictObject({ app: ofKoyeb.app, behaviour: z.enum(["normal", "fail", "stuck"]) })
      .parse(await c.req.json());
    koyeb.behave(name, behaviour);
    return c.json({ app: name, behaviour });
  });
  app.post("/koyeb/scale", async (c) => {
    const asked = z.strictObject({ ...ofKoyeb, count: z.int().min(1).max(20) }).parse(await c.req.json());
    await koyeb.scale(asked.app, asked.service, asked.count);
    return c.json(asked);
  });
  app.post("/koyeb/sleep", async (c) => {
    const asked = z.strictObject({ ...ofKoyeb, depth: z.enum(["light", "deep"]) }).parse(await c.req.json());
    await koyeb.sleep(asked.app, asked.service, asked.depth);
    return c.json(asked);
  });
  app.patch("/fly/machines/:id", async (c) => {
    const change = z
      .strictObject({
        hostStatus: z.enum(["ok", "unknown", "unreachable"]).optional(),
        bootMs: milliseconds.nullable().optional(),
      })
      .parse(await c.req.json());
    fly.change(c.req.param("id"), change);
    return c.json({ id: c.req.param("id"), ...change });
  });
  app.patch("/fly/apps/:app", async (c) => {
    const { staleHosts } = z.strictObject({ staleHosts: z.boolean() }).parse(await c.req.json());
    fly.staleHosts(c.req.param("app"), staleHosts);
    return c.json({ app: c.req.param("app"), staleHosts });
  });
}
