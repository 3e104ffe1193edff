/** Checks of Fly.io: the token and its reach, and app and Machines of each origin there. */
import type { Environment, Origin } from "../../contract/config.ts";
import { neededSecrets } from "../../contract/secret-names.ts";
import type { Context } from "../context.ts";
import type { Api } from "../http.ts";
import { isRecord } from "../../contract/json.ts";
import type { Json } from "../targets/json.ts";
import { ask, checksOf, type Check, type Reason, type Said } from "./check.ts";
import { HINTS } from "../hints/hints.ts";

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

const appPath = ({ app }: FlyOrigin): string => `/v1/apps/${encodeURIComponent(app)}`;

/** What Fly.io said when it was asked for an origin's app. */
interface Asked {
  readonly origin: FlyOrigin;
  readonly said: Said;
}

async function checkOrigin(
  context: Context,
  api: Api,
  environment: Environment,
  { origin, said }: Asked,
): Promise<readonly Check[]> {
  const what = `app of ${origin.name}`;
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
  if (said.kind !== "yes") return [];
  const secrets = await checkSecrets(context, api, environment, origin);
  const listed = await ask(context, api, "GET", `${appPath(origin)}/machines`);
  if (listed.kind !== "yes" || !Array.isArray(listed.answer.json))
    return [fly.ok(what, origin.app), secrets, fly.notRun(`Machines of ${origin.name}`, "Fly.io did not list them")];
  const machines = listed.answer.json.filter(isRecord).filter((machine) => !GONE.has(machine["state"]));
  return [fly.ok(what, origin.app), secrets, ...checkMachines(origin, machines)];
}

/** Machines boot without a secret that is not there, and stop at once. */
async function checkSecrets(context: Context, api: Api, environment: Environment, origin: FlyOrigin): Promise<Check> {
  const what = `secrets of ${origin.name}`;
  const said = await ask(context, api, "GET", `${appPath(origin)}/secrets`);
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
  if (others.length === 0 || !made) return fly.ok("reach", "no app but those of the configuration");
  return fly.tooBroad(
    "reach",
    `the token also reaches ${others.length} other app${others.length === 1 ? "" : "s"} of the organisation`,
    HINTS.flyToken("APP"),
  );
}

/** The token, and what each app said; the token's check is null where no origin is there. */
async function looked(
  context: Context,
  api: Api | null,
  environment: Environment,
  reason: Reason,
): Promise<{ readonly token: Check | null; readonly apps: readonly Asked[] }> {
  const origins = environment.origins.filter((origin) => origin.kind === "fly");
  if (origins.length === 0) return { token: null, apps: [] };
  if (!api) return { token: fly.noToken(reason, HINTS.flyToken("APP")), apps: [] };
  const apps = await Promise.all(
    origins.map(async (origin) => ({ origin, said: await ask(context, api, "GET", appPath(origin)) })),
  );
  return { token: tokenCheck(apps.map(({ said }) => said)), apps };
}

/** 403 and 404 are answers to a token, about the app; 401, or a complaint about the question itself, is not. */
function tokenCheck(saids: readonly Said[]): Check {
  if (saids.some(({ kind }) => kind === "unauthenticated" || kind === "understood"))
    return fly.denied("token", "Fly.io does not accept it", HINTS.flyToken("APP"));
  if (saids.some(({ kind }) => kind !== "silent")) return fly.ok("token", "accepted");
  const silent = saids.find((said) => said.kind === "silent");
  return fly.notRun("token", silent?.reason ?? "Fly.io did not answer");
}

/** @param api null = there is no token; `reason` then says what to do @returns null where no origin is there */
export const flyToken = async (
  context: Context,
  api: Api | null,
  environment: Environment,
  reason: Reason,
): Promise<Check | null> => (await looked(context, api, environment, reason)).token;

/** Nothing when no origin is there. @param api as {@link flyToken} */
export async function checkFly(
  context: Context,
  api: Api | null,
  environment: Environment,
  reason: Reason,
): Promise<readonly Check[]> {
  const { token, apps } = await looked(context, api, environment, reason);
  if (!token) return [];
  if (!api || token.outcome === "missing") return [token];
  const checks = await Promise.all(apps.map((asked) => checkOrigin(context, api, environment, asked)));
  if (token.outcome === "not run") return [token, ...checks.flat()];
  return [
    token,
    await checkReach(context, api, environment, new Set(apps.map(({ origin }) => origin.app))),
    ...checks.flat(),
  ];
}
