/** Every hint about what a platform answers, followed word by word. */
import { expect } from "vitest";
import { McpistError } from "../errors.ts";
import { flyApi } from "../targets/fly-api.ts";
import { flyOrigin } from "../targets/fly.ts";
import { koyebApi } from "../targets/koyeb-api.ts";
import { koyebOrigin } from "../targets/koyeb.ts";
import type { OriginTarget, Targets } from "../targets/types.ts";
import { testEnvironment } from "../test/environment.ts";
import { ENVIRONMENT, type Desk } from "../test/follow.ts";
import { handler, type Routes } from "../test/handler.ts";
import { leadOut, steady, type Scenario, ZERO } from "../test/scenario.ts";
import { testContext } from "../test/test-context.ts";
import { K0 } from "../test/worlds.ts";
import { originNamed } from "../test/wraps.ts";
import { HINTS } from "./hints.ts";
import { PLATFORMS } from "./platforms.ts";

const NO_ROTATION = /^0 no rotation has been recorded yet/;
const nothingThere: typeof fetch = async () => Response.json({ message: "Not Found" }, { status: 404 });
const heal = (desk: Desk): void => void (desk.fetch = nothingThere);

/** GitHub answers like that until a person has done something about it. */
const github = (answer: () => Response, ends: RegExp = NO_ROTATION): Scenario => ({
  argv: "secrets history",
  prepare: (desk) => void (desk.fetch = () => Promise.resolve(answer())),
  byHand: heal,
  ends,
});
const said =
  (status: number, message: string, headers: Readonly<Record<string, string>> = {}) =>
  () =>
    Response.json({ message }, { status, headers });
const doctorSays = (what: RegExp): Partial<Scenario> => ({ byHand: () => undefined, ends: what });

type Roll = OriginTarget["roll"];
/** A rotation in which one origin rolls out with the real code, against an API that answers like that. */
const rolling = (name: "koyeb" | "fly", rollOf: () => Roll): Scenario => ({
  argv: "secrets rotate",
  world: steady,
  prepare: (desk) => {
    const roll = rollOf();
    desk.swap = originNamed(name, () => ({ roll }));
  },
  byHand: (desk) => void delete desk.swap,
  ends: "STEADY",
});
const environment = testEnvironment(ENVIRONMENT);
const BASE = "http://127.0.0.1:1";
function fly(routes: Routes): Roll {
  const context = testContext({ fetch: handler(routes, `${BASE}/v1/apps/mcpist-origin`).fetch });
  const origin = environment.origins.find((candidate) => candidate.kind === "fly");
  if (!origin) throw new TypeError("no origin at Fly.io");
  const target = flyOrigin(context, flyApi(context, { baseUrl: BASE, token: "t" }), origin);
  return (speed, guard) => target.roll(speed, guard);
}
function koyeb(routes: Routes): Roll {
  const context = testContext({ fetch: handler(routes, BASE).fetch });
  const origin = environment.origins.find((candidate) => candidate.kind === "koyeb");
  if (!origin) throw new TypeError("no origin at Koyeb");
  const target = koyebOrigin(
    context,
    koyebApi(context, { baseUrl: BASE, token: "t" }),
    "production",
    environment,
    origin,
  );
  return (speed, guard) => target.roll(speed, guard);
}
const MACHINE = { id: "m1", state: "started", region: "nrt", instance_id: "i1", config: { metadata: {} } };
const MACHINES: Routes = {
  "GET /machines": Response.json([MACHINE]),
  "GET /machines/m1": Response.json(MACHINE),
  "GET /secrets": Response.json({ secrets: [] }),
  "POST /machines/m1/lease": Response.json({ data: { nonce: "n" } }, { status: 201 }),
  "GET /machines/m1/lease": Response.json({ data: { nonce: "n0", description: "a deploy" } }),
  "DELETE /machines/m1/lease": Response.json({ status: "success" }),
  "POST /machines/m1": Response.json({ ...MACHINE, instance_id: "i2" }),
};
const definition = { name: "origin", strategy: { type: "DEPLOYMENT_STRATEGY_TYPE_ROLLING" } };
const SERVICE: Routes = {
  "GET /v1/apps": Response.json({ apps: [{ id: "a1", name: "mcpist" }], count: 1 }),
  "GET /v1/services": Response.json({ services: [{ id: "s1", name: "origin" }], count: 1 }),
  "GET /v1/services/s1": Response.json({ service: { id: "s1", latest_deployment_id: "d1" } }),
  "GET /v1/secrets": Response.json({ secrets: [], count: 0 }),
  "POST /v1/secrets": Response.json({ secret: {} }),
  "GET /v1/deployments/d1": Response.json({ deployment: { id: "d1", status: "HEALTHY", definition } }),
  "POST /v1/services/s1/redeploy": Response.json({ deployment: { id: "d2", status: "PENDING", definition } }),
  "GET /v1/deployments/d2": Response.json({
    deployment: { id: "d2", status: "ERROR", definition, messages: ["secret not found"] },
  }),
};
const failed: Routes = {
  ...SERVICE,
  "GET /v1/services/s1": Response.json({ service: { id: "s1", latest_deployment_id: "d2" } }),
  "GET /v1/deployments/d1": Response.json({ deployment: { id: "d1", status: "HEALTHY", definition } }),
};
/** The Worker fails as its platform's own code says, until somebody has done something about it. */
const worker = (part: Partial<Targets["worker"]>): Scenario => ({
  argv: "secrets rotate",
  world: steady,
  prepare: (desk) => {
    desk.swap = (targets) => ({ ...targets, worker: { ...targets.worker, ...part } });
  },
  byHand: (desk) => void delete desk.swap,
  ends: "STEADY",
});
const fails = (failure: McpistError) => async (): Promise<never> => {
  throw failure;
};
/** The address of the gateway answers nothing that is the Worker. */
const misrouted = new McpistError("ERR_TIMEOUT", "mcp.example.com did not answer as Worker version v2", {
  hint: HINTS.gatewayRoute("https://mcp.example.com", "gw"),
});

/** Koyeb as it is, with one more instance that has what everybody had at first. */
const withOld = (origin: OriginTarget): OriginTarget =>
  origin.name !== "koyeb"
    ? origin
    : {
        ...origin,
        look: async () => {
          const seen = await origin.look();
          const [first] = seen.ok ? seen.instances : [];
          if (!seen.ok || !first) return seen;
          const old = { ...first, id: "old", rollout: "r-old", newest: false, kids: { a: K0, b: ZERO } };
          return { ...seen, instances: [...seen.instances, old] };
        },
      };

const SCENARIOS: Readonly<Record<keyof typeof PLATFORMS, Scenario>> = {
  network: {
    argv: "secrets history",
    prepare: (desk) => void (desk.fetch = () => Promise.reject(new TypeError("fetch failed"))),
    byHand: heal,
    ends: NO_ROTATION,
  },
  limitUntil: github(
    said(403, "API rate limit exceeded", { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795435200" }),
  ),
  limit: github(said(403, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")),
  moved: github(
    () => new Response(null, { status: 301, headers: { location: "https://api.github.com/repositories/1" } }),
  ),
  newToken: {
    ...github(said(401, "Bad credentials")),
    ...doctorSays(/^4 [^]*github +token +GitHub does not accept it/),
    ends: /^4 /,
  },
  archived: github(said(403, "Repository was archived so is read-only.")),
  permission: {
    ...github(said(403, "Resource not accessible by personal access token")),
    ...doctorSays(/^4 /),
    ends: /^4 [^]*missing +github/,
  },
  notFound: {
    argv: "secrets history",
    prepare: (desk) =>
      void (desk.fetch = handler({
        "GET /repos/acme/mcp/git/ref/mcpist/rotation/production": Response.json({ object: { sha: "c0" } }),
      }).fetch),
    byHand: () => undefined,
    ends: /^[34] [^]*missing +github +repository +acme\/mcp is not there, or not for this token/,
  },
  vendorFault: github(said(500, "Server Error")),
  strangeAnswer: github(() => new Response("<html>Sign in to the hotel</html>")),
  platform: {
    argv: "secrets rotate",
    world: steady,
    // An instance of the rollout before stays, and serves.
    prepare: (desk) => {
      desk.swap = (targets) => ({ ...targets, origins: targets.origins.map(withOld) });
    },
    byHand: (desk) => void delete desk.swap,
    ends: "STEADY",
  },

  koyebService: rolling("koyeb", () => koyeb({ "GET /v1/apps": Response.json({ apps: [], count: 0 }) })),
  koyebLogs: rolling("koyeb", () => koyeb(failed)),
  koyebDeploy: {
    ...rolling("koyeb", () =>
      fails(
        new McpistError("ERR_MISMATCH", "somebody else keeps deploying the Koyeb service", {
          hint: HINTS.koyebDeploy(),
        }),
      ),
    ),
  },
  flyHost: rolling("fly", () =>
    fly({ ...MACHINES, "GET /machines/m1": Response.json({ ...MACHINE, host_status: "unreachable", config: null }) }),
  ),
  flyLease: rolling("fly", () =>
    fly({ ...MACHINES, "POST /machines/m1/lease": Response.json({ error: "held" }, { status: 409 }) }),
  ),
  flyDeploy: rolling("fly", () =>
    fly({ ...MACHINES, "POST /machines/m1": Response.json({ error: "stale" }, { status: 412 }) }),
  ),
  flyMachine: rolling("fly", () =>
    fly({
      ...MACHINES,
      "POST /machines/m1": Response.json(MACHINE),
      "GET /machines/m1": Response.json({ ...MACHINE, checks: [{ status: "critical" }] }),
      "GET /machines/m1/wait": Response.json({ ok: true }),
    }),
  ),
  gatewayRoute: worker({ upload: fails(misrouted) }),
  foreignCode: worker({
    upload: fails(
      new McpistError("ERR_MISMATCH", "the deployed code could not be uploaded again unchanged", {
        hint: HINTS.foreignCode("v2"),
      }),
    ),
  }),
  deployBase: {
    argv: "origins quarantine fly",
    world: () => {
      const cloud = steady();
      cloud.fault = () => null;
      return cloud;
    },
    prepare: (desk) => {
      desk.swap = (targets) => ({
        ...targets,
        worker: {
          ...targets.worker,
          look: async () => ({ versions: [], deployments: [], deployment: [], observed: {} }),
        },
      });
    },
    byHand: (desk) => void delete desk.swap,
    ends: /^0 [^]*no longer routes to fly/,
  },
  deployBaseOf: {
    argv: "jwks purge",
    world: steady,
    prepare: (desk) => {
      desk.swap = (targets) => ({ ...targets, worker: { ...targets.worker, bound: async () => null } });
    },
    byHand: (_desk, hint) => expect(hint).toBe("mcpist deploy --base --env production --config ops.config.ts"),
    ends: /^1 error: the Worker is not deployed yet/,
  },
  deployBaseOrAccess: {
    argv: "secrets rotate",
    world: steady,
    prepare: (desk) => {
      const unknown = new McpistError("ERR_NOT_FOUND", 'GitHub does not know environment "production" of acme/mcp', {
        hint: HINTS.deployBaseOrAccess(),
      });
      desk.swap = (targets) => ({ ...targets, vault: { ...targets.vault, check: fails(unknown) } });
    },
    byHand: (desk) => void delete desk.swap,
    ends: "STEADY",
  },
  wranglerFailed: {
    ...worker({
      upload: fails(
        new McpistError("ERR_VENDOR", "wrangler ended with 1: Authentication error", {
          hint: HINTS.wranglerFailed(""),
        }),
      ),
    }),
    ends: /^[34] [^]*cloudflare +token/,
  },
};

leadOut(PLATFORMS, SCENARIOS);
