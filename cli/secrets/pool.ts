/**
 * Which origins the gateway routes to. Changes the deployed Worker's configuration and nothing else.
 */
import { parseGatewayConfig, type GatewayConfig, type OriginState } from "../../contract/runtime-config.ts";
import { McpistError } from "../errors.ts";
import type { Hint } from "../hints/hint.ts";
import { HINTS } from "../hints/hints.ts";
import type { WorkerTarget } from "../targets/types.ts";
import { Moved, type Run } from "./run.ts";
import { changeWorker, type Changed, type WorkerChange } from "./worker-change.ts";

/** The Worker's configuration as deployed. @returns null before the first deployment. @throws {McpistError} when it cannot be read. */
export async function deployedRoutes(
  worker: Pick<WorkerTarget, "bound">,
): Promise<{ versionId: string; config: GatewayConfig } | null> {
  const bound = await worker.bound();
  if (!bound) return null;
  const parsed = parseGatewayConfig(bound.config ?? undefined);
  if (parsed.ok) return { versionId: bound.versionId, config: parsed.value };
  throw new McpistError("ERR_MISMATCH", `the deployed Worker's configuration cannot be read (${parsed.error})`, {
    hint: HINTS.deployBaseAgain(),
  });
}

/**
 * A rotation leaves out what mcpist.config.ts keeps out of the pool, so the gateway must not route there.
 * @throws {McpistError} ERR_REFUSED naming an origin that gets traffic and would not get the new secret.
 */
export async function checkRoutes(
  worker: Pick<WorkerTarget, "bound">,
  origins: readonly { readonly name: string; readonly state: OriginState }[],
): Promise<void> {
  const deployed = await deployedRoutes(worker);
  for (const route of deployed?.config.origins ?? []) {
    const state = origins.find((origin) => origin.name === route.name)?.state;
    if (route.state !== "pool" || state === "pool") continue;
    throw new McpistError(
      "ERR_REFUSED",
      `the gateway routes to ${route.name}, which the configuration ${state === undefined ? "does not name" : `calls ${state}`}: its traffic would fail`,
      { hint: HINTS.quarantineOrPool(route.name) },
    );
  }
}

/** Something that the gateway does otherwise than mcpist.config.ts says, although no traffic fails by it. */
export interface PoolDrift {
  readonly what: string;
  /** What to do about it. */
  readonly next: Hint;
}

/** Origins of the file's pool that the gateway leaves out or looks for elsewhere. Pure. */
export function poolDrift(
  routes: GatewayConfig["origins"],
  origins: readonly { readonly name: string; readonly url: string; readonly state: OriginState }[],
): readonly PoolDrift[] {
  return origins.flatMap(({ name, url, state }) => {
    if (state !== "pool") return [];
    const route = routes.find((candidate) => candidate.name === name);
    if (route?.state !== "pool")
      return [
        {
          what: `the gateway ${route ? `has ${name} as ${route.state}` : `does not know ${name}`}, and the configuration calls it pool`,
          next: HINTS.joinOrQuarantine(name),
        },
      ];
    if (route.url === url) return [];
    return [
      {
        what: `the gateway looks for ${name} at another URL than the configuration names`,
        next: HINTS.deployOrCorrect(),
      },
    ];
  });
}

/** What is wanted of {@link reroute}. */
export interface Reroute extends Pick<WorkerChange, "name" | "check"> {
  /** @returns null when nothing needs to change. @throws {McpistError} to refuse. */
  readonly change: (config: GatewayConfig) => GatewayConfig | null;
}

/** Deploys the deployed code and secret with other routes, under the run's lock. @throws as {@link changeWorker}. */
export async function reroute(run: Run, { change, ...wanted }: Reroute): Promise<Changed> {
  const { worker } = run.targets;
  return changeWorker(run, {
    ...wanted,
    what: "the new routes",
    end: "route by it",
    upload: async (live) => {
      const routes = await deployedRoutes(worker);
      if (routes?.versionId !== live.id) throw new Moved();
      const next = change(routes.config);
      if (!next) return null;
      return (annotation) => worker.reconfigure(live, JSON.stringify(next), annotation, run.journal.guard);
    },
  });
}
