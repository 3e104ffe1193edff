/** Checks of Koyeb: the token, and app and service of each origin there. */
import type { Environment, NamedEnvironment, Origin } from "../../contract/config.ts";
import { markVariable } from "../../contract/marks.ts";
import { neededSecrets, secretSpecs } from "../../contract/secret-names.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import type { Api } from "../http.ts";
import { isRecord } from "../../contract/json.ts";
import { koyebServiceId, koyebVariables } from "../targets/koyeb-api.ts";
import { ask, checksOf, type Check, type Reason } from "./check.ts";
import { HINTS } from "../hints/hints.ts";

const TOKENS = "https://app.koyeb.com/user/settings/api";
const koyeb = checksOf("koyeb");

async function checkOrigin(context: Context, api: Api, origin: Extract<Origin, { kind: "koyeb" }>): Promise<Check> {
  const what = `service of ${origin.name}`;
  const name = `${origin.app}/${origin.service}`;
  try {
    if ((await koyebServiceId(api, origin)) !== null) return koyeb.ok(what, name);
  } catch (error) {
    context.signal.throwIfAborted();
    return koyeb.notRun(what, error instanceof McpistError ? error.message : "unexpected error");
  }
  const apps = await ask(context, api, "GET", `/v1/apps?name=${encodeURIComponent(origin.app)}&limit=100`);
  const list = apps.kind === "yes" && isRecord(apps.answer.json) ? apps.answer.json["apps"] : undefined;
  const hasApp = Array.isArray(list) && list.some((app) => isRecord(app) && app["name"] === origin.app);
  return hasApp
    ? koyeb.missing(what, `app ${origin.app} is there, service ${name} is not`, HINTS.slotsThenService())
    : koyeb.missing(what, `there is no app ${origin.app} in this organisation`, HINTS.makeBaseOrCorrect());
}

/** A deployment that names a secret which is not there fails, the marks included. */
async function checkSecrets(context: Context, api: Api, name: string, environment: Environment): Promise<Check> {
  const what = "secrets of the origins";
  try {
    const held = await koyebVariables(api, name, secretSpecs(environment));
    const needed = neededSecrets(environment);
    const missing = needed.filter((secret) => !held.has(secret) || !held.has(markVariable(secret)));
    const [first] = missing;
    return first === undefined
      ? koyeb.ok(what, needed.join(", "))
      : koyeb.missing(what, `no ${missing.join(", ")}`, HINTS.put(first));
  } catch (error) {
    context.signal.throwIfAborted();
    return koyeb.notRun(what, error instanceof McpistError ? error.message : "unexpected error");
  }
}

/** @param api null = there is no token; `reason` then says what to do. */
export async function koyebToken(context: Context, api: Api | null, reason: Reason): Promise<Check> {
  if (!api) return koyeb.noToken(reason, HINTS.makeToken(TOKENS));
  const said = await ask(context, api, "GET", "/v1/apps?limit=1");
  if (said.kind === "silent") return koyeb.notRun("token", said.reason);
  if (said.kind !== "yes") return koyeb.denied("token", "Koyeb does not accept it", HINTS.makeToken(TOKENS));
  // Koyeb sells no narrower token than this, so there is nothing to advise.
  return koyeb.ok("token", "accepted; Koyeb's tokens may do everything in their organisation");
}

/** Nothing when no origin is there. @param api as {@link koyebToken} */
export async function checkKoyeb(
  context: Context,
  api: Api | null,
  { name, environment }: NamedEnvironment,
  reason: Reason,
): Promise<readonly Check[]> {
  const origins = environment.origins.filter((origin) => origin.kind === "koyeb");
  if (origins.length === 0) return [];
  const token = await koyebToken(context, api, reason);
  if (!api || token.outcome !== "ok") return [token];
  return [
    token,
    ...(await Promise.all([
      ...origins.map((origin) => checkOrigin(context, api, origin)),
      checkSecrets(context, api, name, environment),
    ])),
  ];
}
