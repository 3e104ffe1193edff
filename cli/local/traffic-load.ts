/** How much the demo sends, and as whom: never more than the environment's own limits admit, and tokens that its own rules accept. */
import type { Environment } from "../../contract/config.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { Traffic } from "../../sandbox/load/traffic.ts";
import type { TokenOptions } from "../../sandbox/vendors/idp/tokens.ts";
import type { Progress } from "../output.ts";
import type { LocalCloud } from "./local-cloud.ts";

/** Requests per second and user. */
const MOST_PER_USER = 4;
const USUAL_RATE = 120;
/** Part of what users may send: who always sends as much as they may is always late. */
const USUAL_SHARE = 0.625;
/** Part of a limit that is used, so that a stall does not reach it. */
const SHARE = 0.8;
/** Modules that the traffic calls. */
const CALLED = ["time", "http_status"];

/** What is sent. */
export interface Load {
  readonly users: number;
  readonly ratePerSecond: number;
  /** A user never sends more often. Unit: milliseconds. */
  readonly userSpacingMs: number;
}

/** What decides it. */
type Limits = Pick<Environment["limits"], "burstPerSecond" | "perIpPerMinute" | "modulesPerSecond">;

/**
 * The load that was asked for, or the usual one within the limits.
 * @param limits absent = the built-in environment's
 * @throws {McpistError} ERR_USAGE when `--rate` is more than they admit.
 */
export function loadFor(
  limits: Limits | undefined,
  asked: { readonly users: number; readonly rate?: number | undefined },
): Load {
  const { users, rate } = asked;
  const perUser = Math.min(MOST_PER_USER, ...(limits ? ownLimits(limits) : []));
  const most = Math.max(1, Math.floor(users * perUser));
  if (rate !== undefined && rate > most) {
    const words = limits
      ? `what the environment's own limits admit`
      : `at most ${MOST_PER_USER} requests per second and user`;
    throw new McpistError("ERR_USAGE", `--rate takes ${words}`, { hint: HINTS.flag("--rate", most) });
  }
  return {
    users,
    ratePerSecond: rate ?? Math.max(1, Math.min(USUAL_RATE, Math.floor(most * USUAL_SHARE))),
    userSpacingMs: Math.ceil(1000 / Math.max(perUser, most / users)),
  };
}

/** Requests per second that one user, at an address of their own, may send. */
const ownLimits = ({ burstPerSecond, perIpPerMinute, modulesPerSecond = {} }: Limits): readonly number[] => [
  burstPerSecond * SHARE,
  (perIpPerMinute / 60) * SHARE,
  ...CALLED.map((module) => (modulesPerSecond[module] ?? Number.POSITIVE_INFINITY) * SHARE),
];

/** Makes tokens that the environment's rules for sign-in accept. */
export const mintFor = ({ sandbox, environment: { auth } }: LocalCloud) => {
  const [client_id] = auth.clientIds;
  const rules = {
    ...(client_id === undefined ? {} : { client_id }),
    ...(auth.requireAal2 ? { aal: "aal2" } : {}),
    ...(auth.requiredScopes.length > 0 ? { scope: auth.requiredScopes.join(" ") } : {}),
  };
  return (options: TokenOptions): Promise<string> =>
    sandbox.idp.mint({
      lifetimeSeconds: Math.min(3600, auth.maxLifetime / 1000),
      ...options,
      claims: { ...rules, ...options.claims },
    });
};

/** Traffic of an environment's users through its gateway: less of it where this machine cannot carry it, and that is said. */
export async function startLoad(cloud: LocalCloud, load: Load, progress: Progress): Promise<Traffic> {
  const { startTraffic } = await import("../../sandbox/load/traffic.ts");
  return startTraffic({
    gatewayUrl: cloud.sandbox.urls.gateway,
    mint: mintFor(cloud),
    presentation: cloud.environment.presentation,
    ...load,
    onLowered: (rate) =>
      progress.note(`this machine is too slow for ${load.ratePerSecond} requests/s: ${rate}/s from now on`),
  });
}
