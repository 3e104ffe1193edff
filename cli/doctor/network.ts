/** Checks of what the world sees: the gateway, every origin, and the issuer's keys. Sends no secret. */
import { type Environment, type Origin } from "../../contract/config.ts";
import { gatewayUrl } from "../../contract/process-config.ts";
import { OBSERVATION_PATH } from "../../contract/headers.ts";
import { parseWorkerObservation } from "../../contract/observation.ts";
import { acceptedKids } from "../../contract/slots.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { causeCode } from "../trust.ts";
import { originProbe } from "../targets/origin-probe.ts";
import { jsonWithin } from "../../contract/bounded-body.ts";
import { isRecord } from "../../contract/json.ts";
import { checksOf, type Check } from "./check.ts";
import { HINTS } from "../hints/hints.ts";

/** Unit: milliseconds. */
const TIMEOUT_MS = 15_000;
/** Unit: bytes. */
const LONGEST_ANSWER = 1024 * 1024;

/** @returns the parsed body, or a reason in words. */
async function getJson(context: Context, url: string): Promise<{ readonly json: unknown } | string> {
  try {
    const response = await context.fetch(url, {
      headers: { accept: "application/json", "cache-control": "no-cache", "user-agent": "mcpist" },
      redirect: "manual",
      signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), context.signal]),
    });
    if (response.ok) return { json: await jsonWithin(response, LONGEST_ANSWER) };
    await response.body?.cancel();
    const to = response.headers.get("location");
    const host = to !== null && URL.canParse(to, url) ? ` to ${new URL(to, url).origin}` : "";
    return `it answered ${response.status}${host}`;
  } catch (error) {
    context.signal.throwIfAborted();
    return `it did not answer (${causeCode(error) ?? (error instanceof Error ? error.name : "error")})`;
  }
}

async function checkGateway(context: Context, environment: Environment): Promise<Check> {
  const gateway = checksOf("gateway");
  const url = gatewayUrl(environment);
  const said = await getJson(context, url + OBSERVATION_PATH);
  if (typeof said === "string") return gateway.missing("reachable", `${url}: ${said}`, HINTS.baseOrDns());
  const seen = parseWorkerObservation(said.json);
  if (!seen)
    return gateway.missing(
      "reachable",
      `${url} is served by something else`,
      HINTS.correctNames("cloudflare.hostname", ", or its route"),
    );
  if (seen.kid === null) return gateway.missing("reachable", `${url} sends no secret yet`, HINTS.init());
  return gateway.ok("reachable", `${url} sends ${seen.kid}`);
}

async function checkOrigin(context: Context, origin: Origin): Promise<Check> {
  const checks = checksOf("origin");
  const what = origin.name;
  if (origin.state === "quarantined") return checks.notRun(what, "it is quarantined");
  const seen = await originProbe(context, origin)().catch((error: unknown) => {
    if (error instanceof McpistError && error.code === "ERR_UNREACHABLE") return error.message;
    throw error;
  });
  if (seen !== null && typeof seen !== "string")
    return checks.ok(what, `${origin.url} accepts ${acceptedKids(seen.kids).join(", ") || "nothing"}`);
  const next = origin.state === "joining" ? HINTS.join(origin.name) : HINTS.lookOrQuarantine(origin.name);
  const why = seen === null ? "does not answer as an origin" : `does not answer: ${seen}`;
  return checks.missing(what, `${origin.url} ${why}`, next);
}

async function checkKeys(context: Context, environment: Environment): Promise<Check> {
  const issuer = checksOf("issuer");
  const url = environment.auth.jwksUrl ?? `${environment.auth.issuer}/.well-known/jwks.json`;
  const said = await getJson(context, url);
  const next = HINTS.correctNames("auth.issuer", "");
  if (typeof said === "string") return issuer.missing("sign-in keys", `${url}: ${said}`, HINTS.networkOrIssuer());
  const keys = isRecord(said.json) ? said.json["keys"] : undefined;
  if (!Array.isArray(keys)) return issuer.missing("sign-in keys", `${url} is no key set`, next);
  if (keys.length === 0) return issuer.missing("sign-in keys", `${url} is empty`, HINTS.asymmetricKeys());
  return issuer.ok("sign-in keys", `${keys.length} at ${url}`);
}

export async function checkNetwork(context: Context, environment: Environment): Promise<readonly Check[]> {
  return Promise.all([
    checkGateway(context, environment),
    ...environment.origins.map((origin) => checkOrigin(context, origin)),
    checkKeys(context, environment),
  ]);
}
