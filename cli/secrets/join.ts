/**
 * Lets an origin into the pool that holds the live secret already (guard G10). Gives it no secret: that is what the rotation
 * before is for. Refuses while anything is unfinished, or while one instance of it cannot be heard.
 */
import type { GatewayConfig, GatewayOrigin } from "../../contract/runtime-config.ts";
import { acceptedKids } from "../../contract/slots.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { acceptedEverywhere, type Observation } from "./observation.ts";
import { phaseOf, type Phase } from "./phase.ts";
import { reroute } from "./pool.ts";
import type { Run } from "./run.ts";
import type { Changed } from "./worker-change.ts";

/** Longest wait until an edge location that answers knows the new version. Unit: milliseconds. */
const PROBE_TIMEOUT_MS = 120_000;
/** The origin is asked so often through the gateway, because it may run several instances. */
const PROBES = 3;

/** Why an origin may not get traffic yet; null when it may. */
export function obstacle(observation: Observation, phase: Phase, name: string): McpistError | null {
  const origin = observation.origins.find((candidate) => candidate.name === name);
  if (!origin?.look.ok) {
    return new McpistError(
      "ERR_PHASE",
      `cannot observe ${name}: ${origin?.look.ok === false ? origin.look.reason : "it is not observed"}`,
      {
        hint: HINTS.bringUp(),
      },
    );
  }
  const { instances, silent = [], config } = origin.look;
  if (silent.length > 0)
    return new McpistError("ERR_PARTIAL", `${name}: instance ${silent.join(", ")} does not answer`, {
      hint: HINTS.logs(),
    });
  if (instances.length === 0)
    return new McpistError("ERR_PARTIAL", `${name} has its slots, but nothing runs there yet`, {
      hint: HINTS.deployService(),
    });
  if (phase.name !== "STEADY" || phase.live === null)
    return new McpistError(
      "ERR_PHASE",
      `the installation is in phase ${phase.name}, and an origin joins only when nothing is unfinished`,
      {
        hint: HINTS.rotate(),
      },
    );
  const only = [config, ...instances.map((instance) => instance.kids)].every(
    (kids) => kids !== null && acceptedKids(kids).join() === phase.live,
  );
  if (only && acceptedEverywhere([origin], phase.live)) return null;
  return new McpistError(
    "ERR_PHASE",
    `${name} does not accept the live secret ${phase.live}, and only that, at every instance`,
    {
      hint: HINTS.givesNext(),
    },
  );
}

/** The gateway's configuration with `joined` in the pool, in the order of `names`; null when it is there already. */
export function withOrigin(
  config: GatewayConfig,
  joined: GatewayOrigin,
  names: readonly string[],
): GatewayConfig | null {
  const known = config.origins.find((origin) => origin.name === joined.name);
  if (known?.state === "pool" && known.url === joined.url) return null;
  const place = (name: string) => (names.includes(name) ? names.indexOf(name) : names.length);
  const origins = [...config.origins.filter((origin) => origin.name !== joined.name), joined];
  return { ...config, origins: origins.toSorted((a, b) => place(a.name) - place(b.name)) };
}

/** Asks the origin through a version that is at 0 % and would route to it. @throws {McpistError} ERR_MISMATCH when it refuses. */
async function askThrough(run: Run, versionId: string, name: string): Promise<void> {
  for (let i = 0; i < PROBES; i++) {
    const report = await run.until(
      `the probe of ${name}`,
      PROBE_TIMEOUT_MS,
      async () => {
        const answer = await run.targets.worker.probe(versionId, name);
        return answer?.observation?.accepted === undefined ? null : answer;
      },
      () => `Worker version ${versionId} did not get an answer from it`,
    );
    if (report.observation?.accepted === true) continue;
    throw new McpistError("ERR_MISMATCH", `${name} refuses the secret of Worker version ${versionId}`, {
      hint: HINTS.nothingRouted(),
    });
  }
}

/**
 * Routes traffic to an origin, under the run's lock.
 * @param check refuses a configuration that mcpist.config.ts contradicts.
 * @throws {McpistError} as {@link obstacle} says; ERR_MISMATCH when the gateway itself finds that it is refused.
 */
export async function enterPool(
  run: Run,
  joined: GatewayOrigin,
  names: readonly string[],
  check: (config: GatewayConfig) => void,
): Promise<Changed> {
  const observation = await run.observe();
  const problem = obstacle(observation, phaseOf(observation), joined.name);
  if (problem) throw problem;
  return reroute(run, {
    name: `join ${joined.name}`,
    change: (config) => {
      check(config);
      return withOrigin(config, joined, names);
    },
    check: (versionId) => askThrough(run, versionId, joined.name),
  });
}
