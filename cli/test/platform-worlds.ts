/** One platform with one origin that runs on its first secret, and what it keeps. Instances are light ones: only their slots count. */
import type { EnvironmentInput } from "../../contract/config.ts";
import { caller, fastContext, TOKENS, until, type Json } from "../../sandbox/test/harness.ts";
import { startFly } from "../../sandbox/vendors/fly/fly.ts";
import { startKoyeb } from "../../sandbox/vendors/koyeb/koyeb.ts";
import { flyApi } from "../targets/fly-api.ts";
import { flyOrigin } from "../targets/fly.ts";
import { koyebApi } from "../targets/koyeb-api.ts";
import { koyebOrigin } from "../targets/koyeb.ts";
import type { OriginTarget } from "../targets/types.ts";
import { ENVIRONMENT_INPUT, testEnvironment } from "./environment.ts";
import { deployKoyebService, koyebSettled, slotVariables } from "./koyeb-service.ts";
import { ZERO } from "./origin-targets.ts";
import type { TestContext } from "./test-context.ts";

/** A platform with one origin. */
export interface PlatformWorld {
  readonly origin: (context: TestContext) => OriginTarget;
  /** All that the platform keeps, without values, ids and dates; only when nothing is on its way any more. */
  readonly trace: () => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** Of an environment with `origin` first. */
const environmentWith = (origin: EnvironmentInput["origins"][number]) =>
  testEnvironment({ origins: [origin, { ...ENVIRONMENT_INPUT.origins[origin.kind === "koyeb" ? 1 : 0]! }] });

/** Koyeb, with a service of one instance. @param secret in slot A */
export async function koyebWorld(secret: string): Promise<PlatformWorld> {
  const koyeb = await startKoyeb(fastContext({ light: true }));
  const call = caller(() => koyeb.url, TOKENS.koyeb);
  const service = await deployKoyebService(call, slotVariables(secret, ZERO));
  const url = await koyeb.edgeUrl("mcpist", "origin");
  const environment = environmentWith({ name: "koyeb", kind: "koyeb", url, app: "mcpist", service: "origin" });
  const [config] = environment.origins;
  if (config?.kind !== "koyeb") throw new TypeError("the first origin is Koyeb's");
  const list = async (path: string, key: string): Promise<readonly Json[]> =>
    (await call("GET", path)).json[key] as Json[];
  // Koyeb redeploys no service that was never built.
  await koyebSettled(call, service);
  return {
    origin: (context) => {
      const api = koyebApi(context, { baseUrl: koyeb.url, token: TOKENS.koyeb });
      return koyebOrigin(context, api, "production", environment, config);
    },
    trace: async () => {
      await koyebSettled(call, service);
      const [deployment] = await list(`/v1/deployments?service_id=${service}&limit=1`, "deployments");
      const { name, app_id: _app, id: _id } = (await call("GET", `/v1/services/${service}`)).json["service"] as Json;
      const instances = await list(`/v1/instances?service_id=${service}&limit=100`, "instances");
      return {
        secrets: (await list("/v1/secrets?limit=100", "secrets"))
          .map((secret) => `${String(secret["name"])} ${String(secret["type"])}`)
          .sort(),
        service: name,
        services: (await list("/v1/services?limit=100", "services")).length,
        definition: deployment?.["definition"],
        instances: instances.filter(({ status }) => status !== "STOPPED" && status !== "ERROR").length,
      };
    },
    close: () => koyeb.close(),
  };
}

/** Fly.io, with an app of two Machines. @param secret in slot A */
export async function flyWorld(secret: string): Promise<PlatformWorld> {
  const app = "mcpist-origin";
  const fly = await startFly(fastContext({ light: true }));
  const call = caller(() => `${fly.url}/v1`, TOKENS.fly);
  await call("POST", "/apps", { app_name: app, org_slug: "personal" });
  await call("POST", `/apps/${app}/ip_assignments`, { type: "shared_v4" });
  await call("POST", `/apps/${app}/secrets`, { values: { GATEWAY_SECRET_A: secret, GATEWAY_SECRET_B: ZERO } });
  for (let i = 0; i < 2; i++)
    await call("POST", `/apps/${app}/machines`, {
      region: "nrt",
      config: {
        image: "sandbox.local/origin:dev",
        env: { RELEASE: "1" },
        metadata: { fly_platform_version: "v2", fly_process_group: "app" },
        services: [
          { internal_port: 8080, protocol: "tcp", autostart: true, ports: [{ port: 443, handlers: ["tls", "http"] }] },
        ],
      },
    });
  const url = await fly.edgeUrl(app);
  const environment = environmentWith({ name: "fly", kind: "fly", url, app });
  const [config] = environment.origins;
  if (config?.kind !== "fly") throw new TypeError("the first origin is Fly's");
  const machines = async (): Promise<readonly Json[]> => (await call("GET", `/apps/${app}/machines`)).json as Json[];
  return {
    origin: (context) => flyOrigin(context, flyApi(context, { baseUrl: fly.url, token: TOKENS.fly }), config),
    trace: async () => {
      await until(async () => (await machines()).every(({ state }) => state === "started"));
      const { json } = await call("GET", `/apps/${app}/secrets`);
      const secrets = (json["secrets"] as Json[]).toSorted((one, other) =>
        String(one["name"]).localeCompare(String(other["name"])),
      );
      const digests = secrets.map(({ digest }) => String(digest)).join(".");
      const seen = await machines();
      const leases = seen.map(({ id }) => call("GET", `/apps/${app}/machines/${String(id)}/lease`));
      return {
        secrets: secrets.map(({ name }) => String(name)),
        // The digests of now, and nothing of what was there before.
        configs: seen.map((machine) => JSON.stringify(machine["config"]).replace(digests, "(digests of now)")).sort(),
        cordoned: seen.filter(({ cordoned }) => cordoned === true).length,
        leases: (await Promise.all(leases)).map(({ status }) => status),
      };
    },
    close: () => fly.close(),
  };
}
