/**
 * Brings up in the sandbox what Terraform brings up for an operator, through the same vendor APIs and with the same shapes:
 * first the base (everything that needs no secret), then the service (origins that refuse to start without a slot).
 * The slots of the gateway secret are written in between by `mcpist secrets rotate --init`, never here.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Environment, type Origin } from "../contract/config.ts";
import { FLY_STOP_SECONDS } from "../contract/origin-drain.ts";
import { gatewayConfigOf, originConfigOf } from "../contract/process-config.ts";
import { SLOT_VARIABLES } from "../contract/gateway-secret.ts";
import { HEALTH_PATH } from "../contract/headers.ts";
import { SANDBOX_ENVIRONMENT } from "../contract/sandbox.ts";
import { markVariable, NO_MARK } from "../contract/marks.ts";
import { koyebSecretName, koyebSlotSecret, secretSpecs } from "../contract/secret-names.ts";
import { bundleWorker } from "./processes/bundle.ts";
import { listAt, objectAt, vendorClient, type Json, type VendorCall } from "./client.ts";
import type { Sandbox } from "./start.ts";

/** Facts about the Worker that stacks/ and worker/wrangler.jsonc state too; a test holds them equal. */
export const WORKER_SHAPE = {
  compatibilityDate: "2026-07-01",
  durableObject: { binding: "BURST", className: "UserBurst" },
  kvBinding: "KV",
  rateLimits: [
    { binding: "RL_IP", namespaceId: "1001", setting: "perIpPerMinute" },
    { binding: "RL_AUTH", namespaceId: "1002", setting: "failedAuthPerMinute" },
  ],
  cron: "* * * * *",
} as const;
const MIGRATION_TAG = "v1";
const MAIN_MODULE = "index.js";
const KOYEB_PORT = 8000;
const FLY_PORT = 8080;
/** Longest wait for the origins to be healthy. Unit: milliseconds. */
const HEALTHY_TIMEOUT_MS = 60_000;
const POLL_MS = 100;

/** Something was provisioned and did not become healthy. */
class ProvisionError extends Error {
  override readonly name = "ProvisionError";
}

type Secrets = Readonly<Record<string, string>>;
/** One environment on its way up. */
interface Installation {
  readonly call: VendorCall;
  readonly env: Environment;
  readonly name: string;
  /** The secrets beside the gateway secret, by name. */
  readonly secrets: Secrets;
}

const clientOf = (sandbox: Sandbox): VendorCall => vendorClient(sandbox.urls, sandbox.context.tokens);
const idOf = (value: Json): string => String(value["id"]);

/** What is there before any secret: repository environment, Worker with its stores, Koyeb app, Fly app with addresses. */
export async function provisionBase(
  sandbox: Sandbox,
  env: Environment,
  name: string = SANDBOX_ENVIRONMENT,
): Promise<void> {
  const call = clientOf(sandbox);
  await Promise.all([
    provisionGithub(call, env),
    provisionWorker(call, env, name),
    ...env.origins.map((origin) => provisionApp(call, origin)),
  ]);
}

async function provisionGithub(call: VendorCall, { github }: Environment): Promise<void> {
  await call(
    "github",
    "PUT",
    `/repos/${github.owner}/${github.repo}/environments/${encodeURIComponent(github.environment)}`,
    {},
  );
}

async function provisionWorker(call: VendorCall, env: Environment, name: string): Promise<void> {
  const account = `/accounts/${env.cloudflare.accountId}`;
  const { worker } = env.cloudflare;
  const [text, namespace, known] = await Promise.all([
    bundleWorker(),
    call("cloudflare", "POST", `${account}/storage/kv/namespaces`, { title: `${worker}-${name}` }),
    call("cloudflare", "GET", `${account}/workers/scripts/${worker}/settings`, undefined, [404]),
  ]);
  const { compatibilityDate, durableObject, kvBinding, rateLimits } = WORKER_SHAPE;
  const metadata = {
    main_module: MAIN_MODULE,
    compatibility_date: compatibilityDate,
    // Without this an upload would drop the gateway secret, and no plan would show it.
    keep_bindings: ["secret_text"],
    bindings: [
      { type: "plain_text", name: "MCPIST_CONFIG", text: JSON.stringify(gatewayConfigOf(name, env)) },
      { type: "version_metadata", name: "CF_VERSION_METADATA" },
      { type: "kv_namespace", name: kvBinding, namespace_id: idOf(objectAt(namespace, "result")) },
      { type: "durable_object_namespace", name: durableObject.binding, class_name: durableObject.className },
      ...rateLimits.map((limit) => ({
        type: "ratelimit",
        name: limit.binding,
        namespace_id: limit.namespaceId,
        simple: { limit: env.limits[limit.setting], period: 60 },
      })),
    ],
    ...(known ? {} : { migrations: { new_tag: MIGRATION_TAG, new_sqlite_classes: [durableObject.className] } }),
  };
  const form = new FormData();
  form.set("metadata", new Blob([JSON.stringify(metadata)], { type: "application/json" }));
  form.set(MAIN_MODULE, new Blob([text], { type: "application/javascript+module" }), MAIN_MODULE);
  await call("cloudflare", "PUT", `${account}/workers/scripts/${worker}`, form);
  await call("cloudflare", "PUT", `${account}/workers/scripts/${worker}/schedules`, [{ cron: WORKER_SHAPE.cron }]);
}

async function provisionApp(call: VendorCall, origin: Origin): Promise<void> {
  if (origin.kind === "koyeb") {
    await call("koyeb", "POST", "/v1/apps", { name: origin.app });
    return;
  }
  await call("fly", "POST", "/v1/apps", { app_name: origin.app, org_slug: "personal" });
  for (const type of ["shared_v4", "v6"]) await call("fly", "POST", `/v1/apps/${origin.app}/ip_assignments`, { type });
}

/** The other secrets, then the origins. @throws {ProvisionError} when an origin is not healthy in time. */
export async function provisionService(
  sandbox: Sandbox,
  env: Environment,
  name: string = SANDBOX_ENVIRONMENT,
): Promise<void> {
  // The same at every origin: a request may be continued on another one.
  const values: Record<string, string> = {
    DATABASE_URL: sandbox.urls.database,
    REQUEST_STATE_KEY: randomBytes(32).toString("hex"),
    BROKER_SECRET: sandbox.broker.secret,
    // One's own: of the right shape, and nobody's. `mcpist secrets put` changes them as it does elsewhere.
    ...Object.fromEntries(
      Object.keys(env.secrets)
        .filter((key) => env.secrets[key]?.to.includes("origins"))
        .map((key) => [key, randomBytes(32).toString("hex")]),
    ),
  };
  const secrets = Object.fromEntries(
    secretSpecs(env).flatMap(({ name: key }) =>
      values[key] === undefined
        ? []
        : [
            [key, values[key]],
            [markVariable(key), NO_MARK],
          ],
    ),
  ) as Secrets;
  const installation: Installation = { call: clientOf(sandbox), env, name, secrets };
  if (env.origins.some((origin) => origin.kind === "koyeb")) await koyebSecrets(installation);
  await Promise.all(
    env.origins.map((origin) =>
      origin.kind === "koyeb" ? koyebService(installation, origin) : flyMachines(installation, origin),
    ),
  );
}

/** Organisation-wide, therefore once for all origins there. The marks are there already where a gateway secret was written first. */
async function koyebSecrets({ call, name, secrets }: Installation): Promise<void> {
  const held = new Set(
    listAt(await call("koyeb", "GET", "/v1/secrets?limit=100"), "secrets").map((secret) => secret["name"]),
  );
  const missing = Object.entries(secrets).filter(([key]) => !held.has(koyebSecretName(name, key)));
  const body = (key: string, value: string) => ({ name: koyebSecretName(name, key), type: "SIMPLE", value });
  await Promise.all(missing.map(([key, value]) => call("koyeb", "POST", "/v1/secrets", body(key, value))));
}

async function koyebService(
  { call, env, name, secrets }: Installation,
  origin: Origin & { kind: "koyeb" },
): Promise<void> {
  const apps = await call("koyeb", "GET", `/v1/apps?name=${origin.app}`);
  const app = listAt(apps, "apps").find((candidate) => candidate["name"] === origin.app);
  if (!app) throw new ProvisionError(`koyeb has no app "${origin.app}"`);
  const definition = {
    name: origin.service,
    type: "WEB",
    regions: [origin.region],
    docker: { image: env.image },
    ports: [{ port: KOYEB_PORT, protocol: "http" }],
    routes: [{ path: "/", port: KOYEB_PORT }],
    health_checks: [{ grace_period: 5, interval: 5, timeout: 5, http: { port: KOYEB_PORT, path: HEALTH_PATH } }],
    scalings: [{ min: 1, max: 2 }],
    instance_types: [{ type: "nano" }],
    env: [
      { key: "PORT", value: String(KOYEB_PORT) },
      { key: "MCPIST_CONFIG", value: JSON.stringify(originConfigOf(name, env, origin.name)) },
      { key: SLOT_VARIABLES.a, secret: koyebSlotSecret(name, "a") },
      { key: SLOT_VARIABLES.b, secret: koyebSlotSecret(name, "b") },
      ...Object.keys(secrets).map((key) => ({ key, secret: koyebSecretName(name, key) })),
    ],
  };
  const { service } = (await call("koyeb", "POST", "/v1/services", { app_id: idOf(app), definition })) as {
    service: Json;
  };
  await until(`koyeb service "${origin.service}"`, async () => {
    const { service: now } = (await call("koyeb", "GET", `/v1/services/${idOf(service)}`)) as { service: Json };
    if (now["status"] === "UNHEALTHY") throw new ProvisionError(`koyeb: the deployment of "${origin.service}" failed`);
    return now["status"] === "HEALTHY";
  });
}

async function flyMachines(
  { call, env, name, secrets }: Installation,
  origin: Origin & { kind: "fly" },
): Promise<void> {
  const app = `/v1/apps/${origin.app}`;
  await call("fly", "POST", `${app}/secrets`, { values: secrets });
  const config = {
    image: env.image,
    env: { PORT: String(FLY_PORT), MCPIST_CONFIG: JSON.stringify(originConfigOf(name, env, origin.name)) },
    // flyctl skips machines without this mark.
    metadata: { fly_platform_version: "v2", fly_process_group: "app" },
    guest: { cpu_kind: "shared", cpus: 1, memory_mb: 256 },
    restart: { policy: "always" },
    // What a rotation would have to add: without it Fly cuts calls that run for longer than five seconds.
    stop_config: { signal: "SIGTERM", timeout: `${FLY_STOP_SECONDS}s` },
    services: [
      {
        protocol: "tcp",
        internal_port: FLY_PORT,
        autostart: true,
        // Never "suspend": a resumed machine would keep an old secret in its memory.
        autostop: "off",
        ports: [{ port: 443, handlers: ["tls", "http"] }],
        checks: [{ type: "http", port: FLY_PORT, path: HEALTH_PATH, interval: "5s", timeout: "2s", method: "get" }],
      },
    ],
    checks: {
      health: { type: "http", port: FLY_PORT, path: HEALTH_PATH, interval: "5s", timeout: "2s", method: "get" },
    },
  };
  await Promise.all(
    Array.from({ length: origin.machines }, async () => {
      const machine = (await call("fly", "POST", `${app}/machines`, { region: origin.region, config })) ?? {};
      await until(`fly machine ${idOf(machine)}`, async () => {
        const now = (await call("fly", "GET", `${app}/machines/${idOf(machine)}`)) ?? {};
        const checks = listAt(now, "checks");
        return now["state"] === "started" && checks.every((check) => check["status"] === "passing");
      });
    }),
  );
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + HEALTHY_TIMEOUT_MS;
  while (!(await done())) {
    if (performance.now() > deadline)
      throw new ProvisionError(`${what} is not healthy after ${HEALTHY_TIMEOUT_MS / 1000} s`);
    await sleep(POLL_MS);
  }
}
