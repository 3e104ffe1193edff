/**
 * What the Worker and an origin receive in `MCPIST_CONFIG`: one JSON text, made from mcpist.config.ts, never a secret.
 * The parsers are hand-written because the Worker ships without zod; they refuse what they do not know.
 */
import { isCanonicalUrl, webOriginOf } from "./names.ts";
import { err, ok, type Result } from "./result.ts";
import { isRecord } from "./json.ts";
import type { Presentation } from "./presentation.ts";
import { isSafeUrl } from "./safe-url.ts";
import { isServerSettings, SERVER_NAME, type ServerSettings } from "./servers.ts";

/** How a route treats an origin: pool = receives traffic; joining = is written but not routed to; quarantined = skipped. */
export type OriginState = "pool" | "joining" | "quarantined";

/** One origin as the gateway sees it. */
export interface GatewayOrigin {
  readonly name: string;
  /** Absolute, without a trailing slash; https, or http on loopback. */
  readonly url: string;
  readonly state: OriginState;
}

/** Configuration of the Worker. */
export interface GatewayConfig {
  readonly environment: string;
  /** The exact public URL of the MCP endpoint; equals the `aud` claim. */
  readonly resource: string;
  /** Exact `iss` claim. */
  readonly issuer: string;
  readonly jwksUrl: string;
  /** In order of preference. */
  readonly origins: readonly GatewayOrigin[];
  /** Values of the Origin request header that may talk to the gateway from a browser. */
  readonly allowedOrigins: readonly string[];
  readonly limits: {
    /** Admitted requests per minute and address, before authentication. */
    readonly perIpPerMinute: number;
    /** Failed authentications per minute and address. */
    readonly failedAuthPerMinute: number;
    /** Sustained requests per second and user. */
    readonly burstPerSecond: number;
    /** Requests of a user that may start at once; absent = 30. */
    readonly burstDepth?: number | undefined;
    /** Requests that one isolate may take from a user's burst in advance; absent or 1 = none. At most 100. */
    readonly burstLease?: number | undefined;
    /** Calls per second and user, by module; absent = no limits of their own. */
    readonly modulesPerSecond?: Readonly<Record<string, number>> | undefined;
  };
  readonly auth: {
    /** Longest accepted `exp - iat`. Unit: seconds. */
    readonly maxLifetimeSeconds: number;
    readonly allowAnonymous: boolean;
    readonly requireAal2: boolean;
    /** Whose rules a token keeps; absent = "supabase", the stricter ones. */
    readonly provider?: "supabase" | "oidc" | undefined;
    /** What `aud` may name besides `resource`; absent = nothing. */
    readonly alsoAudiences?: readonly string[] | undefined;
    /** OAuth clients that may call; empty = any. */
    readonly clientIds: readonly string[];
    /** Scopes that every token must carry; absent = none. */
    readonly requiredScopes?: readonly string[] | undefined;
  };
  /** True when all origins share one database, so that a `call` may be retried on another origin. */
  readonly sharedDatabase: boolean;
  /** Show `X-Mcpist-Origin` to clients. */
  readonly showOrigin: boolean;
  /** Worker script name, for the version override header. */
  readonly worker: string;
  /** Contact for /.well-known/security.txt: a mailto: or https: URI; null = not served. */
  readonly securityContact: string | null;
  /** Absent = "meta". */
  readonly presentation?: Presentation | undefined;
}

/** Configuration of an origin. */
export interface OriginConfig {
  readonly environment: string;
  /** Name of this origin in mcpist.config.ts. */
  readonly origin: string;
  /** Base URLs of the modules' upstream APIs; absent = the public ones. */
  readonly upstreams: Readonly<Record<string, string>>;
  /** Exact host names that the http_status module may ask. */
  readonly httpStatusHosts: readonly string[];
  /** URL of the token broker; null = modules that need a user's token answer "Connect your account". */
  readonly brokerUrl: string | null;
  /** Where security alerts are posted; null = only logged. */
  readonly alertWebhook: string | null;
  /** "embedded": without DATABASE_URL the origin keeps its own database in memory. Absent = "shared". */
  readonly database?: "shared" | "embedded";
  /** Absent = "meta". */
  readonly presentation?: Presentation;
  /** MCP servers whose tools become modules, by name; absent = none. */
  readonly servers?: Readonly<Record<string, ServerSettings>>;
}

const isText = (value: unknown): value is string => typeof value === "string" && value.length > 0;
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isFlag = (value: unknown): value is boolean => typeof value === "boolean";
const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value > 0;
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);
const isWebOrigin = (text: string): boolean => {
  const origin = webOriginOf(text);
  return origin.ok && origin.value === text;
};
const isPresentation = (value: unknown): boolean => value === undefined || value === "meta" || value === "native";
const STATES: ReadonlySet<unknown> = new Set<OriginState>(["pool", "joining", "quarantined"]);

function parseJson(text: string | undefined): Record<string, unknown> | null {
  if (text === undefined) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

const isGatewayOrigin = (value: unknown): value is GatewayOrigin =>
  isRecord(value) && isText(value["name"]) && isSafeUrl(value["url"]) && STATES.has(value["state"]);

/** @returns the name of the first field that is missing or wrong, never its content. */
export function parseGatewayConfig(text: string | undefined): Result<GatewayConfig, string> {
  const value = parseJson(text);
  if (!value) return err("MCPIST_CONFIG");
  const { limits, auth, origins } = value;
  const checks: readonly (readonly [string, boolean])[] = [
    ["environment", isText(value["environment"])],
    ["resource", isSafeUrl(value["resource"]) && isCanonicalUrl(value["resource"])],
    ["issuer", isSafeUrl(value["issuer"])],
    ["jwksUrl", isSafeUrl(value["jwksUrl"])],
    ["origins", Array.isArray(origins) && origins.length > 0 && origins.every(isGatewayOrigin)],
    ["allowedOrigins", isTexts(value["allowedOrigins"]) && value["allowedOrigins"].every(isWebOrigin)],
    [
      "limits",
      isRecord(limits) &&
        ["perIpPerMinute", "failedAuthPerMinute", "burstPerSecond"].every((key) => isCount(limits[key])),
    ],
    ["limits.burstDepth", isRecord(limits) && (limits["burstDepth"] === undefined || isCount(limits["burstDepth"]))],
    [
      "limits.burstLease",
      isRecord(limits) &&
        (limits["burstLease"] === undefined || (isCount(limits["burstLease"]) && limits["burstLease"] <= 100)),
    ],
    [
      "limits.modulesPerSecond",
      isRecord(limits) &&
        (limits["modulesPerSecond"] === undefined ||
          (isRecord(limits["modulesPerSecond"]) && Object.values(limits["modulesPerSecond"]).every(isCount))),
    ],
    [
      "auth",
      isRecord(auth) &&
        isCount(auth["maxLifetimeSeconds"]) &&
        isFlag(auth["allowAnonymous"]) &&
        isFlag(auth["requireAal2"]) &&
        isTexts(auth["clientIds"]) &&
        [undefined, "supabase", "oidc"].includes(auth["provider"] as string | undefined) &&
        (auth["alsoAudiences"] === undefined || isTexts(auth["alsoAudiences"])) &&
        (auth["requiredScopes"] === undefined || isTexts(auth["requiredScopes"])),
    ],
    ["sharedDatabase", isFlag(value["sharedDatabase"])],
    ["showOrigin", isFlag(value["showOrigin"])],
    ["worker", isText(value["worker"])],
    ["securityContact", isTextOrNull(value["securityContact"])],
    ["presentation", isPresentation(value["presentation"])],
  ];
  const wrong = checks.find(([, good]) => !good);
  return wrong ? err(wrong[0]) : ok(value as unknown as GatewayConfig);
}

/** @returns the name of the first field that is missing or wrong, never its content. */
export function parseOriginConfig(text: string | undefined): Result<OriginConfig, string> {
  const value = parseJson(text);
  if (!value) return err("MCPIST_CONFIG");
  const { upstreams } = value;
  const checks: readonly (readonly [string, boolean])[] = [
    ["environment", isText(value["environment"])],
    ["origin", isText(value["origin"])],
    ["upstreams", isRecord(upstreams) && Object.values(upstreams).every(isSafeUrl)],
    ["httpStatusHosts", isTexts(value["httpStatusHosts"])],
    ["brokerUrl", value["brokerUrl"] === null || isSafeUrl(value["brokerUrl"])],
    ["alertWebhook", value["alertWebhook"] === null || isSafeUrl(value["alertWebhook"])],
    [
      "servers",
      value["servers"] === undefined ||
        (isRecord(value["servers"]) &&
          Object.entries(value["servers"]).every(
            ([name, server]) => SERVER_NAME.test(name) && isServerSettings(server),
          )),
    ],
    ["presentation", isPresentation(value["presentation"])],
    ["database", value["database"] === undefined || value["database"] === "shared" || value["database"] === "embedded"],
  ];
  const wrong = checks.find(([, good]) => !good);
  return wrong ? err(wrong[0]) : ok(value as unknown as OriginConfig);
}
