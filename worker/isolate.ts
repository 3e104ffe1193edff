/** What one isolate knows and keeps: parsed configuration, key set, caches, breakers. Made on the first request, never shared. */
import { parseSecret } from "../contract/gateway-secret.ts";
import { markList } from "../contract/marks.ts";
import { parseGatewayConfig, type GatewayConfig } from "../contract/runtime-config.ts";
import { Authenticator } from "./authenticate.ts";
import { BODIES, SHAPE_WAITING, UNDER_WAY } from "./constants.ts";
import type { Env, Runtime } from "./env.ts";
import { EventLog } from "./event-log.ts";
import { isThere } from "./probe.ts";
import { IssuerMetadata } from "./issuer-metadata.ts";
import { KeyResolver } from "./jwks/resolver.ts";
import { UserLimits } from "./limits.ts";
import type { GatewaySecret } from "./observation.ts";
import { Origins } from "./origins.ts";
import { RetryBudget } from "./policy/retry-budget.ts";
import { Shares } from "./shares.ts";

/** All that serving MCP needs; exists only with a usable secret and configuration. */
export interface Service {
  readonly config: GatewayConfig;
  readonly secret: GatewaySecret;
  readonly authenticator: Authenticator;
  readonly limits: UserLimits;
  readonly origins: Origins;
  readonly budget: RetryBudget;
  readonly underWay: Shares;
  readonly bodies: Shares;
  /** Requests that wait for their start. */
  readonly waiting: Shares;
}

export interface Isolate {
  readonly env: Env;
  readonly runtime: Runtime;
  /** Random; tells isolates apart in observations. */
  readonly instanceId: string;
  readonly deployment: string;
  /** Marks of the secrets of one's own. */
  readonly marks: readonly string[];
  readonly events: EventLog;
  readonly config: GatewayConfig | null;
  /** null = there is no configuration that names an issuer. */
  readonly issuerMetadata: IssuerMetadata | null;
  readonly secret: GatewaySecret | null;
  /** null = answer 503: fail closed. */
  readonly service: Service | null;
}

/** Reads the bindings once. A configuration or secret that is not usable is absent, never half used. */
export function makeIsolate(env: Env, runtime: Runtime): Isolate {
  const parsedConfig = parseGatewayConfig(env.MCPIST_CONFIG);
  const parsedSecret = parseSecret(env.GATEWAY_SECRET ?? "");
  const config = parsedConfig.ok ? parsedConfig.value : null;
  const secret =
    parsedSecret.ok && env.GATEWAY_SECRET !== undefined
      ? { text: env.GATEWAY_SECRET, bytes: parsedSecret.value }
      : null;
  const events = new EventLog(runtime, secret?.bytes ?? null);
  return {
    env,
    runtime,
    instanceId: crypto.randomUUID(),
    deployment: env.CF_VERSION_METADATA?.id ?? "unversioned",
    marks: markList({ ...env }),
    events,
    config,
    issuerMetadata: config && makeIssuerMetadata(config, runtime, events),
    secret,
    service: config && secret ? makeService(env, runtime, events, config, secret) : null,
  };
}

const makeIssuerMetadata = ({ issuer }: GatewayConfig, runtime: Runtime, events: EventLog): IssuerMetadata =>
  new IssuerMetadata({
    issuer,
    runtime,
    report: (reason) =>
      void events.write({ event: "issuer_unavailable", severity: "error", requestId: null, reason }, null),
  });

function makeService(
  env: Env,
  runtime: Runtime,
  events: EventLog,
  config: GatewayConfig,
  secret: GatewaySecret,
): Service {
  const keys = new KeyResolver({
    url: config.jwksUrl,
    runtime,
    kv: env.KV,
    report: (reason) =>
      void events.write({ event: "jwks_unavailable", severity: "error", requestId: null, reason }, null),
  });
  return {
    config,
    secret,
    authenticator: new Authenticator(config, keys),
    limits: new UserLimits(
      env,
      config.limits,
      (reason) => void events.write({ event: "limiter_fallback", severity: "warn", requestId: null, reason }, null),
    ),
    origins: new Origins(config, {
      kv: env.KV,
      now: runtime.now,
      probe: (origin, waitMs) => isThere(runtime, origin, secret.text, waitMs),
    }),
    budget: new RetryBudget(),
    underWay: new Shares(UNDER_WAY, runtime.now),
    bodies: new Shares(BODIES, runtime.now),
    waiting: new Shares(SHAPE_WAITING, runtime.now),
  };
}
