/**
 * Which origins the gateway routes to. Changes the deployed Worker's configuration and nothing else: the code and the secret are
 * those of the deployed version, by id, and a version that would send another secret never gets traffic.
 */
import { parseGatewayConfig, type GatewayConfig, type OriginState } from "../../contract/runtime-config.ts";
import { McpistError } from "../errors.ts";
import type { Hint } from "../hints/hint.ts";
import { HINTS } from "../hints/hints.ts";
import type { WorkerTarget, WorkerVersion } from "../targets/types.ts";
import { liveVersion, sharing, type Observation } from "./observation.ts";
import { ACTIONS } from "./phases/actions.ts";
import { phaseOf } from "./phase.ts";
import { Moved, Overtook, type Run } from "./run.ts";

/** Somebody who deploys all the time is not outrun; the operator is told. */
const TRIES = 3;

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
      `the gateway routes to ${route.name}, which mcpist.config.ts ${state === undefined ? "does not name" : `calls ${state}`}: its traffic would fail`,
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
          what: `the gateway ${route ? `has ${name} as ${route.state}` : `does not know ${name}`}, and mcpist.config.ts calls it pool`,
          next: HINTS.joinOrQuarantine(name),
        },
      ];
    if (route.url === url) return [];
    return [
      {
        what: `the gateway looks for ${name} at another URL than mcpist.config.ts names`,
        next: HINTS.deployOrCorrect(),
      },
    ];
  });
}

/** What a change of routes did. */
export interface Rerouted {
  /** The version that has all traffic now. */
  readonly versionId: string;
  /** Kid that it sends: the same as before. */
  readonly kid: string;
  /** False when the gateway was configured like that already. */
  readonly changed: boolean;
}

/** What is wanted of {@link reroute}. */
export interface Reroute {
  /** For the journal and the deployment's message, e.g. "quarantine koyeb". */
  readonly name: string;
  /** @returns null when nothing needs to change. @throws {McpistError} to refuse. */
  readonly change: (config: GatewayConfig) => GatewayConfig | null;
  /** Asked while the new version is at 0 %. @throws {McpistError} to give up before anybody is routed by it. */
  readonly check?: (versionId: string) => Promise<void>;
}

interface Sender {
  readonly look: Observation["worker"];
  readonly live: WorkerVersion;
  readonly kid: string;
}

const seen = async (run: Run): Promise<Observation["worker"]> => ({
  ...(await run.targets.worker.look()),
  blind: null,
  lost: null,
});

/** The one version that sends, and what it sends. @throws {McpistError} ERR_PHASE when that is not clear. */
async function senderOf(run: Run): Promise<Sender> {
  const look = await seen(run);
  const live = liveVersion(look);
  if (!live) throw new McpistError("ERR_NOT_FOUND", "the Worker is not deployed yet", { hint: HINTS.deployBase() });
  const shares = sharing(look);
  if (shares.length > 1)
    throw new McpistError(
      "ERR_PHASE",
      `two Worker versions share the traffic (${shares.map(({ versionId }) => versionId).join(", ")})`,
      { hint: HINTS.endCanary(shares.map(({ versionId }) => versionId)) },
    );
  const kid = look.observed[live.id] ?? null;
  if (kid === null) throw new McpistError("ERR_PHASE", "the Worker sends no secret yet", { hint: HINTS.init() });
  return { look, live, kid };
}

/** The rotation that brought `kid` stays known by the new version too: phases are computed from it. */
function annotationOf(run: Run, { look, kid }: Sender): { kid: string; from: string | null; run: string } {
  const annotated = look.versions.find((version) => version.annotatedKid === kid);
  return { kid, from: annotated?.annotatedFrom ?? null, run: run.journal.run };
}

async function attempt(run: Run, wanted: Reroute): Promise<Rerouted> {
  const { worker } = run.targets;
  const [sender, routes] = await Promise.all([senderOf(run), deployedRoutes(worker)]);
  const { look, live, kid } = sender;
  if (routes?.versionId !== live.id) throw new Moved();
  const next = wanted.change(routes.config);
  if (!next) return { versionId: live.id, kid, changed: false };
  await run.journal.record(wanted.name, { version: live.id, kid });
  const id = await run.step("upload the deployed code with the new routes", () =>
    worker.reconfigure(live, JSON.stringify(next), annotationOf(run, sender), run.journal.guard),
  );
  run.touched = true;
  const alone = [{ versionId: live.id, percentage: 100 }];
  const shares = [...alone, { versionId: id, percentage: 0 }];
  const held = await run.step("ask the new version at 0 %", async () => {
    const believed = look.deployments[0]?.id ?? null;
    const asked = await run.deploy({ believed, shares, message: `mcpist ${wanted.name}` });
    try {
      await sends(run, id, kid);
      await wanted.check?.(id);
    } catch (error) {
      // A version at 0 % stays reachable by header; best effort, because the first error is the one to tell.
      await run
        .deploy({ believed: asked, shares: alone, message: `mcpist end of ${wanted.name}` })
        .catch(() => undefined);
      throw error;
    }
    return asked;
  });
  await run.step("route by it", async () => {
    const all = [{ versionId: id, percentage: 100 }];
    await run.deploy({ believed: held, shares: all, message: `mcpist ${wanted.name}` });
    await sends(run, id, kid);
  });
  await run.journal.record(`done: ${wanted.name}`, { version: id, kid });
  return { versionId: id, kid, changed: true };
}

/** @throws {McpistError} ERR_MISMATCH when version `id` is not in the deployment or sends another secret than `kid`. */
async function sends(run: Run, id: string, kid: string): Promise<Observation["worker"]> {
  const look = await seen(run);
  const sent = look.observed[id];
  if (sent === kid) return look;
  throw new McpistError("ERR_MISMATCH", `Worker version ${id} sends ${sent ?? "no secret"} instead of ${kid}`, {
    hint: HINTS.servedBefore(),
  });
}

/** A deploy of somebody else got lost under ours: its code goes live before its routes are changed. */
async function findLost(run: Run): Promise<void> {
  const observation = await run.observe();
  const phase = phaseOf(observation);
  if (phase.name === "UNDONE") await ACTIONS.putBack.run(run, observation, phase);
}

/**
 * Deploys the deployed code and secret with other routes, under the run's lock. Safe to repeat at any point.
 * @throws {McpistError} ERR_PHASE when it is not clear who sends what, ERR_MISMATCH when the new version is not the same otherwise.
 */
export async function reroute(run: Run, wanted: Reroute): Promise<Rerouted> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt(run, wanted);
    } catch (error) {
      if (!(error instanceof Moved)) throw error;
      if (error instanceof Overtook) await findLost(run);
      if (tries === TRIES)
        throw new McpistError("ERR_PARTIAL", "somebody else keeps deploying the Worker", {
          hint: HINTS.again(),
          cause: error,
        });
      run.report.note("somebody deployed the Worker meanwhile: looking again");
    }
  }
}
