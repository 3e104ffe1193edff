/** Checks of Fly.io: the token and its reach, and app and Machines of each origin there. */
import type { Environment, Origin } from "../../contract/config.ts";
import { neededSecrets } from "../../contract/secret-names.ts";
import type { Context } from "../context.ts";
import type { Api } from "../http.ts";
import { isRecord } from "../../contract/json.ts";
import type { Json } from "../targets/json.ts";
import { ask, checksOf, type Check } from "./check.ts";
import { HINTS } from "../hints/hints.ts";
import type { Hint } from "../hints/hint.ts";

type FlyOrigin = Extract<Origin, { kind: "fly" }>;

const fly = checksOf("fly");
const GONE: ReadonlySet<unknown> = new Set(["destroyed", "destroying"]);

/** True when a proxy may freeze the Machine with its memory, and with the secret in it. */
function mayBeSuspended(config: Json): boolean {
  const services = Array.isArray(config["services"]) ? config["services"] : [];
  return services.some((service) => isRecord(service) && service["autostop"] === "suspend");
}

function checkMachines(origin: FlyOrigin, machines: readonly Json[]): readonly Check[] {
  const what = `Machines of ${origin.name}`;
  if (machines.length === 0) return [fly.missing(what, `${origin.app} has none`, HINTS.slotsThenService())];
  const configOf = (machine: Json): Json => (isRecord(machine["config"]) ? machine["config"] : {});
  const ids = (found: readonly Json[]) => found.map((machine) => String(machine["id"])).join(", ");
  const loose = machines.filter((machine) => {
    const { metadata } = configOf(machine);
    return !(isRecord(metadata) && metadata["fly_platform_version"] === "v2");
  });
  const frozen = machines.filter((machine) => mayBeSuspended(configOf(machine)));
  const checks: Check[] = [];
  if (machines.length !== origin.machines)
    checks.push(fly.missing(what, `${machines.length} instead of ${origin.machines}`, HINTS.machines()));
  if (loose.length > 0)
    checks.push(
      fly.missing(
        what,
        `${ids(loose)}: no fly_platform_version, so flyctl skips them`,
        HINTS.flyMachineUpdate(ids(loose.slice(0, 1)), "--metadata fly_platform_version=v2", origin.app),
      ),
    );
  if (frozen.length > 0)
    checks.push(
      fly.missing(
        what,
        `${ids(frozen)} may be suspended, with the secret in memory`,
        HINTS.flyMachineUpdate(ids(frozen.slice(0, 1)), "--autostop=off", origin.app),
      ),
    );
  return checks.length > 0 ? checks : [fly.ok(what, `${machines.length}, known to flyctl`)];
}

async function checkOrigin(
  context: Context,
  api: Api,
  environment: Environment,
  origin: FlyOrigin,
): Promise<readonly Check[]> {
  const what = `app of ${origin.name}`;
  const base = `/v1/apps/${encodeURIComponent(origin.app)}`;
  const said = await ask(context, api, "GET", base);
  if (said.kind === "silent") return [fly.notRun(what, said.reason)];
  if (said.kind === "absent") return [fly.missing(what, `there is no app ${origin.app}`, HINTS.makeBaseOrCorrect())];
  if (said.kind === "forbidden")
    return [
      fly.denied(
        what,
        `${origin.app} belongs to somebody else, or the token is for another app`,
        HINTS.otherFlyApp(origin.app),
      ),
    ];
  if (said.kind !== "yes") return [fly.denied("token", "Fly.io does not accept it", HINTS.flyToken("APP"))];
  const secrets = await checkSecrets(context, api, environment, origin);
  const listed = await ask(context, api, "GET", `${base}/machines`);
  if (listed.kind !== "yes" || !Array.isArray(listed.answer.json))
    return [fly.ok(what, origin.app), secrets, fly.notRun(`Machines of ${origin.name}`, "Fly.io did not list them")];
  const machines = listed.answer.json.filter(isRecord).filter((machine) => !GONE.has(machine["state"]));
  return [fly.ok(what, origin.app), secrets, ...checkMachines(origin, machines)];
}

/** Machines boot without a secret that is not there, and stop at once. */
async function checkSecrets(context: Context, api: Api, environment: Environment, origin: FlyOrigin): Promise<Check> {
  const what = `secrets of ${origin.name}`;
  const said = await ask(context, api, "GET", `/v1/apps/${encodeURIComponent(origin.app)}/secrets`);
  const list = said.kind === "yes" && isRecord(said.answer.json) ? said.answer.json["secrets"] : undefined;
  if (!Array.isArray(list)) return fly.notRun(what, "Fly.io did not list them");
  const held = new Set(list.flatMap((secret) => (isRecord(secret) ? [secret["name"]] : [])));
  const missing = neededSecrets(environment).filter((name) => !held.has(name));
  const [first] = missing;
  return first === undefined
    ? fly.ok(what, neededSecrets(environment).join(", "))
    : fly.missing(what, `no ${missing.join(", ")}`, HINTS.put(first));
}

/** Fly lists the apps that a token reaches. Before the first deploy it has to reach the organisation, to make apps. */
async function checkReach(
  context: Context,
  api: Api,
  environment: Environment,
  apps: ReadonlySet<string>,
): Promise<Check> {
  const said = await ask(context, api, "GET", `/v1/apps?org_slug=${encodeURIComponent(environment.fly.organization)}`);
  if (said.kind === "silent") return fly.notRun("reach", said.reason);
  const list = said.kind === "yes" && isRecord(said.answer.json) ? said.answer.json["apps"] : undefined;
  const names = Array.isArray(list)
    ? list.flatMap((app) => (isRecord(app) && typeof app["name"] === "string" ? [app["name"]] : []))
    : [];
  const others = names.filter((name) => !apps.has(name));
  const made = [...apps].every((name) => names.includes(name));
  if (others.length === 0 || !made) return fly.ok("reach", "no app but those of mcpist.config.ts");
  return fly.tooBroad(
    "reach",
    `the token also reaches ${others.length} other app${others.length === 1 ? "" : "s"} of the organisation`,
    HINTS.flyToken("APP"),
  );
}

/** Nothing when no origin is there. @param api null = there is no token; `reason` then says what to do. */
export async function checkFly(
  context: Context,
  api: Api | null,
  environment: Environment,
  reason: { readonly detail: string; readonly next: Hint } | null,
): Promise<readonly Check[]> {
  const origins = environment.origins.filter((origin) => origin.kind === "fly");
  if (origins.length === 0) return [];
  if (!api) return [fly.denied("token", reason?.detail ?? "there is none", reason?.next ?? HINTS.flyToken("APP"))];
  const checks = (await Promise.all(origins.map((origin) => checkOrigin(context, api, environment, origin)))).flat();
  const refused = checks.find((check) => check.what === "token");
  if (refused) return [refused];
  if (checks.every((check) => check.outcome === "not run")) return checks;
  return [
    fly.ok("token", "accepted"),
    await checkReach(context, api, environment, new Set(origins.map(({ app }) => app))),
    ...checks,
  ];
}
