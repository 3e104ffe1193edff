/**
 * api.fly.io as flyctl uses it beside the Machines API: a few GraphQL questions and the log of releases. A question that is
 * not imitated is told by name and answered 404.
 */
import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { z } from "zod";
import type { VendorApp } from "../vendor.ts";
import type { FlyCloud } from "./cloud.ts";
import { appOnWire, assignAddress, type FlyApp, imageRef, type IpAssignment, ORGANIZATION } from "./records.ts";

/** One entry of an app's log of releases. */
interface Release {
  readonly id: string;
  readonly version: number;
  readonly appName: string;
  readonly image: string;
  readonly strategy: string;
  readonly definition: unknown;
  readonly createdAt: Date;
  status: string;
}

const question = z.looseObject({
  query: z.string(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
});
const releaseBody = z.looseObject({
  app_name: z.string(),
  image: z.string(),
  strategy: z.string(),
  definition: z.unknown(),
});

const addressInput = z.looseObject({
  appId: z.string(),
  type: z.enum(["v4", "v6", "shared_v4", "private_v6"]).nullish(),
  region: z.string().nullish(),
  ip: z.string().nullish(),
  ipAddressId: z.string().nullish(),
});

const organization = {
  id: ORGANIZATION.id,
  internalNumericId: String(ORGANIZATION.internal_numeric_id),
  slug: ORGANIZATION.slug,
  rawSlug: ORGANIZATION.slug,
  name: ORGANIZATION.name,
  paidPlan: false,
};

const ipForGraphql = ({ ip, region, service_name, created_at }: IpAssignment) => ({
  id: ip,
  address: ip,
  type: ip.startsWith("fdaa") ? "private_v6" : ip.includes(":") ? "v6" : "v4",
  region,
  serviceName: service_name,
  network: null,
  createdAt: created_at,
});

const USER = { id: "sandbox", email: "sandbox@mcpist.invalid", name: "sandbox" };

const releaseForGraphql = (release: Release) => ({
  id: release.id,
  version: release.version,
  description: "Release",
  reason: "",
  status: release.status,
  stable: release.status === "complete",
  imageRef: release.image,
  configDefinition: release.definition,
  user: USER,
  createdAt: release.createdAt.toISOString(),
});

/** An app as GraphQL shows it; a client takes the fields it asked for. @param releases of it, the newest first */
function appForGraphql(app: FlyApp, releases: readonly Release[]) {
  const { status, internal_numeric_id } = appOnWire(app);
  const shown = releases.map(releaseForGraphql);
  return {
    id: app.name,
    internalNumericId: internal_numeric_id,
    name: app.name,
    hostname: `${app.name}.fly.dev`,
    cnameTarget: `${app.id}.fly.dev`,
    deployed: status === "deployed",
    network: app.network,
    status,
    appUrl: `https://${app.name}.fly.dev`,
    platformVersion: "machines",
    organization,
    postgresAppRole: null,
    hostIssues: { nodes: [] },
    ipAddresses: { nodes: app.ips.filter(({ shared }) => !shared).map(ipForGraphql) },
    sharedIpAddress: app.ips.find(({ shared }) => shared)?.ip ?? null,
    currentReleaseUnprocessed: shown[0] ?? null,
    currentRelease: shown[0] ?? null,
    releases: { nodes: shown },
  };
}

/** The routes of api.fly.io on one cloud. */
export function flyWeb(cloud: FlyCloud, token: string): VendorApp {
  const web: VendorApp = new Hono();
  const releases: Release[] = [];
  /** The newest first. */
  const releasesOf = (appName: string): readonly Release[] =>
    releases.filter((release) => release.appName === appName).toReversed();
  const onWire = (release: Release) => ({
    id: release.id,
    version: release.version,
    stable: release.status === "complete",
    in_progress: release.status === "running",
    status: release.status,
    strategy: release.strategy,
    user: "sandbox",
    created_at: release.createdAt.toISOString(),
    image_ref: release.image,
  });
  const body = async (c: Context): Promise<unknown> => {
    try {
      return await c.req.json();
    } catch {
      return null;
    }
  };
  /** Answers by the name of the root field, as the clients' queries spell it. */
  const roots: Readonly<Record<string, (variables: Readonly<Record<string, unknown>>) => unknown>> = {
    "appcompact:app": ({ appName }) => appNamed(appName),
    "appbasic:app": ({ appName }) => appNamed(appName),
    app: ({ appName, name, limit }) => appNamed(appName ?? name, limit),
    organization: ({ slug, orgSlug }) =>
      (slug ?? orgSlug) === ORGANIZATION.slug ? { ...organization, addOns: { nodes: [] } } : null,
    latestImageDetails: ({ image }) => ({ ...imageRef(typeof image === "string" ? image : ""), version: "" }),
    viewer: () => USER,
    apps: () => ({
      pageInfo: { hasNextPage: false, endCursor: "" },
      nodes: [...cloud.apps.keys()].map((name) => appNamed(name)),
    }),
    organizations: () => ({ nodes: [{ ...organization, type: "PERSONAL", billable: true, viewerRole: "admin" }] }),
  };
  const inputOf = (variables: Readonly<Record<string, unknown>>) =>
    addressInput.safeParse(variables["input"]).data ?? { appId: "" };
  /** What clients change here and not by the Machines API. */
  const mutations: typeof roots = {
    deleteApp: ({ appId }) => {
      const app = typeof appId === "string" ? cloud.apps.get(appId) : undefined;
      if (!app) return null;
      for (const machine of app.machines.values()) if (machine.state !== "destroyed") machine.destroy(true);
      cloud.retire(app);
      return { organization };
    },
    allocateIpAddress: (variables) => {
      const { appId, type, region } = inputOf(variables);
      const app = cloud.apps.get(appId);
      if (!app || !type) return null;
      const assigned = assignAddress(app, type, region || undefined);
      return { app: appNamed(appId), ipAddress: assigned.shared ? null : ipForGraphql(assigned) };
    },
    releaseIpAddress: (variables) => {
      const { appId, ip, ipAddressId } = inputOf(variables);
      const app = cloud.apps.get(appId);
      const index = app?.ips.findIndex((assigned) => assigned.ip === (ip ?? ipAddressId)) ?? -1;
      if (!app || index < 0) return null;
      app.ips.splice(index, 1);
      return { clientMutationId: null };
    },
  };
  // flyctl also sends a `status` that its query does not declare: it has no effect.
  const appNamed = (name: unknown, limit?: unknown) => {
    const app = typeof name === "string" ? cloud.apps.get(name) : undefined;
    if (!app) return null;
    const own = releasesOf(app.name);
    return appForGraphql(app, typeof limit === "number" ? own.slice(0, limit) : own);
  };

  for (const path of ["/graphql", "/api/v1/*"])
    web.use(path, async (c, next) => {
      const authorization = c.req.header("authorization") ?? "";
      if (authorization !== `Bearer ${token}` && authorization !== `FlyV1 ${token}`)
        return c.json(
          { errors: [{ message: "You must be authenticated to view this.", extensions: { code: "UNAUTHORIZED" } }] },
          401,
        );
      return next();
    });

  web.post("/graphql", async (c) => {
    const asked = question.safeParse(await body(c));
    if (!asked.success) return c.json({ errors: [{ message: "not a GraphQL request" }] }, 400);
    const { query, variables } = asked.data;
    // `query ($appName: String!) { appcompact:app(name: $appName) { …`: the first word after the first brace is the root field.
    const [, alias = "", field = ""] = /^[^{]*\{\s*(?:(\w+)\s*:\s*)?(\w+)/.exec(query) ?? [];
    const answer = /^\s*mutation\b/.test(query) ? mutations[field] : (roots[`${alias}:${field}`] ?? roots[field]);
    if (!answer) {
      cloud.report(`graphql ${alias || field}`);
      return c.notFound();
    }
    const data = answer(variables ?? {});
    const message = "Could not find App";
    if (data === null)
      return c.json({ data: { [alias || field]: null }, errors: [{ message, extensions: { code: "NOT_FOUND" } }] });
    return c.json({ data: { [alias || field]: data } });
  });

  web.get("/api/v1/apps/:app/releases/current", (c) => {
    const [current] = releasesOf(c.req.param("app"));
    return current ? c.json(onWire(current)) : c.json({ error: "not found" }, 404);
  });
  web.get("/api/v1/apps/:app/releases", (c) => {
    return c.json({ releases: releasesOf(c.req.param("app")).map(onWire) });
  });
  web.post("/api/v1/releases", async (c) => {
    const input = releaseBody.safeParse(await body(c));
    if (!input.success || !cloud.apps.has(input.data.app_name)) return c.json({ error: "invalid release" }, 422);
    const { app_name: appName, image, strategy, definition } = input.data;
    const version = releasesOf(appName).length + 1;
    const release: Release = {
      id: randomUUID(),
      version,
      appName,
      image,
      strategy,
      definition,
      createdAt: new Date(),
      status: "running",
    };
    releases.push(release);
    return c.json({ release: onWire(release) }, 201);
  });
  web.patch("/api/v1/releases/:id", async (c) => {
    const release = releases.find((candidate) => candidate.id === c.req.param("id"));
    const input = z.looseObject({ status: z.string() }).safeParse(await body(c));
    if (!release || !input.success) return c.json({ error: "not found" }, 404);
    release.status = input.data.status;
    return c.json({ release: onWire(release) });
  });
  return web;
}
