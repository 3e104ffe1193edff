/** Checks of Cloudflare: the token and its reach, account, zone, Worker, and whether the gateway routes as mcpist.config.ts says. */
import { type Environment } from "../../contract/config.ts";
import { gatewayUrl } from "../../contract/process-config.ts";
import { WORKER_BINDING } from "../../contract/secret-names.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import type { Api } from "../http.ts";
import { deployedRoutes } from "../secrets/pool.ts";
import { isRecord } from "../../contract/json.ts";
import type { WorkerTarget } from "../targets/types.ts";
import { ask, checksOf, mayWrite, type Check, type Reason, type Said } from "./check.ts";
import { HINTS } from "../hints/hints.ts";

const TOKENS = "https://dash.cloudflare.com/profile/api-tokens";
const cloudflare = checksOf("cloudflare");

const resultOf = (said: Said): unknown =>
  said.kind === "yes" && isRecord(said.answer.json) ? said.answer.json["result"] : undefined;
function totalOf(said: Said): number | null {
  const info = said.kind === "yes" && isRecord(said.answer.json) ? said.answer.json["result_info"] : undefined;
  const total = isRecord(info) ? info["total_count"] : undefined;
  return typeof total === "number" ? total : null;
}

const accountPath = ({ cloudflare: { accountId } }: Environment): string =>
  `/accounts/${encodeURIComponent(accountId)}`;

/** A user's token, an account's token, or a login of wrangler. @param api null = there is no token; `reason` then says what to do */
export async function cloudflareToken(
  context: Context,
  api: Api | null,
  environment: Environment,
  reason: Reason,
): Promise<Check> {
  if (!api) return cloudflare.noToken(reason, HINTS.makeToken(TOKENS));
  const account = accountPath(environment);
  const own = await ask(context, api, "GET", "/user/tokens/verify");
  const verified = own.kind === "yes" ? own : await ask(context, api, "GET", `${account}/tokens/verify`);
  const result = resultOf(verified);
  if (isRecord(result)) {
    const { status, expires_on: expires } = result;
    if (status === "active")
      return cloudflare.ok("token", `active${typeof expires === "string" ? `, expires ${expires}` : ""}`);
    return cloudflare.denied("token", `it is ${String(status)}`, HINTS.makeToken(TOKENS));
  }
  const login = await ask(context, api, "GET", "/user");
  // One of the three would have known it: while one does not answer, nobody can say that it is refused.
  for (const said of [own, verified, login]) if (said.kind === "silent") return cloudflare.notRun("token", said.reason);
  if (login.kind === "yes")
    return cloudflare.tooBroad(
      "token",
      "a login, not a token: it may do whatever its user may",
      HINTS.narrowToken("make a token for this account and zone", TOKENS),
    );
  return cloudflare.denied(
    "token",
    "Cloudflare does not accept it: wrong, expired, or for another account",
    HINTS.makeToken(TOKENS),
  );
}

/** Cloudflare lists what a token reaches. */
async function checkReach(context: Context, api: Api, zone: string): Promise<readonly Check[]> {
  const [accounts, zones] = await Promise.all([
    ask(context, api, "GET", "/accounts?per_page=5"),
    ask(context, api, "GET", "/zones?per_page=5"),
  ]);
  const checks: Check[] = [];
  const [reached, own] = [totalOf(accounts), totalOf(zones)];
  if (reached !== null && reached > 1)
    checks.push(
      cloudflare.tooBroad(
        "reach",
        `the token reaches ${reached} accounts`,
        HINTS.narrowToken("limit it to one account", TOKENS),
      ),
    );
  if (own !== null && own > 1)
    checks.push(
      cloudflare.tooBroad(
        "reach",
        `the token reaches ${own} zones`,
        HINTS.narrowToken(`limit it to zone ${zone}`, TOKENS),
      ),
    );
  return checks.length > 0 ? checks : [cloudflare.ok("reach", "one account, one zone at most")];
}

function permission(what: string, grant: string, said: Said): Check {
  if (said.kind === "silent") return cloudflare.notRun(what, said.reason);
  if (said.kind === "unauthenticated" || said.kind === "forbidden")
    return cloudflare.denied(what, `the token lacks ${grant}`, HINTS.grant(grant, `the token: ${TOKENS}`));
  return cloudflare.ok(what, grant);
}

/** Asks for the zone of an environment in its account. `id` is null when it is not there, or not for this token. */
export async function findZone(
  context: Context,
  api: Api,
  { cloudflare: { zone, accountId } }: Environment,
): Promise<{ readonly said: Said; readonly id: string | null }> {
  const said = await ask(
    context,
    api,
    "GET",
    `/zones?name=${encodeURIComponent(zone)}&account.id=${encodeURIComponent(accountId)}`,
  );
  const result = resultOf(said);
  const found = Array.isArray(result)
    ? result.find((entry: unknown) => isRecord(entry) && entry["name"] === zone)
    : undefined;
  return { said, id: isRecord(found) ? String(found["id"]) : null };
}

async function checkZone(context: Context, api: Api, environment: Environment): Promise<Check> {
  const { zone, hostname } = environment.cloudflare;
  if (hostname !== zone && !hostname.endsWith(`.${zone}`))
    return cloudflare.missing(
      "zone",
      `${hostname} is no name in ${zone}`,
      HINTS.correctNames("cloudflare.zone or cloudflare.hostname", ""),
    );
  const { said, id } = await findZone(context, api, environment);
  if (said.kind === "silent") return cloudflare.notRun("zone", said.reason);
  if (said.kind !== "yes") return permission("zone", "Zone: read", said);
  if (id !== null) return cloudflare.ok("zone", zone);
  return cloudflare.missing("zone", `${zone} is not in this account, or not for this token`, HINTS.addZone());
}

async function checkWorker(
  context: Context,
  api: Api,
  script: string,
  environment: Environment,
  worker: WorkerTarget,
): Promise<readonly Check[]> {
  const name = environment.cloudflare.worker;
  const said = await ask(context, api, "GET", `${script}/secrets`);
  if (said.kind === "silent") return [cloudflare.notRun("worker", said.reason)];
  if (said.kind === "absent") return [cloudflare.missing("worker", `there is no Worker ${name}`, HINTS.makeBase())];
  if (said.kind !== "yes") return [permission("worker", "Workers Scripts: edit", said)];
  const secrets = resultOf(said);
  const has =
    Array.isArray(secrets) && secrets.some((secret: unknown) => isRecord(secret) && secret["name"] === WORKER_BINDING);
  return [
    has
      ? cloudflare.ok("worker", `${name}, with its secret`)
      : cloudflare.missing("worker", `${name} has no gateway secret yet`, HINTS.init()),
    await checkRoutes(context, environment, worker),
  ];
}

/** File and gateway must agree about every origin, or the next deploy or rotation does something that nobody meant. */
async function checkRoutes(context: Context, environment: Environment, worker: WorkerTarget): Promise<Check> {
  try {
    const routes = (await deployedRoutes(worker))?.config.origins ?? [];
    const names = new Set([...routes, ...environment.origins].map(({ name }) => name));
    const differs = [...names].flatMap((name) => {
      const gateway = routes.find((route) => route.name === name);
      const file = environment.origins.find((origin) => origin.name === name);
      if (gateway?.state === file?.state && gateway?.url === file?.url) return [];
      const say = (entry: { state: string; url: string } | undefined) =>
        entry ? `${entry.state} at ${entry.url}` : "nothing";
      return [`${name} is ${say(gateway)} at the gateway and ${say(file)} in the configuration`];
    });
    if (differs.length === 0)
      return cloudflare.ok("routes", `${gatewayUrl(environment)} routes as the configuration says`);
    return cloudflare.missing("routes", differs.join("; "), HINTS.routes());
  } catch (error) {
    context.signal.throwIfAborted();
    return cloudflare.notRun("routes", error instanceof McpistError ? error.message : "unexpected error");
  }
}

/** @param parts null = there is no token; `reason` then says what to do. */
export async function checkCloudflare(
  context: Context,
  parts: { readonly api: Api; readonly worker: WorkerTarget } | null,
  environment: Environment,
  reason: Reason,
): Promise<readonly Check[]> {
  const token = await cloudflareToken(context, parts?.api ?? null, environment, reason);
  if (!parts) return [token];
  const { api, worker } = parts;
  const { worker: name, url, zone } = environment.cloudflare;
  const account = accountPath(environment);
  const script = `${account}/workers/scripts/${encodeURIComponent(name)}`;
  if (token.outcome === "missing" || token.outcome === "not run")
    return [token, cloudflare.notRun("permissions", "they need a valid token")];
  const [reach, scripts, kv, zoned, deployed] = await Promise.all([
    checkReach(context, api, zone),
    mayWrite(context, api, "POST", `${script}/deployments`),
    mayWrite(context, api, "POST", `${account}/storage/kv/namespaces`),
    // A gateway on loopback has no zone.
    url === undefined ? checkZone(context, api, environment) : null,
    checkWorker(context, api, script, environment, worker),
  ]);
  return [
    token,
    ...reach,
    permission("write Worker versions", "Workers Scripts: edit", scripts),
    permission("write KV", "Workers KV Storage: edit", kv),
    ...(zoned ? [zoned] : []),
    ...deployed,
  ];
}
