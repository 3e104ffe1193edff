/**
 * One change of the deployed Worker beside its gateway secret. The code and that secret are those of the deployed version, by id, and a
 * version that would send another secret never gets traffic.
 */
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { Annotation, WorkerVersion } from "../targets/types.ts";
import { liveVersion, sharing, type Observation } from "./observation.ts";
import { ACTIONS } from "./phases/actions.ts";
import { phaseOf } from "./phase.ts";
import { Moved, Overtook, type Run } from "./run.ts";

/** Somebody who deploys all the time is not outrun; the operator is told. */
const TRIES = 3;

/** What a change did. */
export interface Changed {
  /** The version that has all traffic now. */
  readonly versionId: string;
  /** Kid that it sends: the same as before. */
  readonly kid: string;
  /** False when the gateway was as wanted already. */
  readonly changed: boolean;
}

/** What is wanted of {@link changeWorker}. */
export interface WorkerChange {
  /** For the journal and the deployment's message, e.g. "quarantine koyeb". */
  readonly name: string;
  /** What is new in the version, for the report: "the new routes". */
  readonly what: string;
  /** What it is for, for the report: "route by it". */
  readonly end: string;
  /**
   * Looks whether anything has to change in the deployed version. @returns the upload of the new one; null = nothing to do.
   * @throws {McpistError} to refuse, {@link Moved} when another version is deployed by now.
   */
  readonly upload: (live: WorkerVersion) => Promise<((annotation: Annotation) => Promise<string>) | null>;
  /** Asked while the new version is at 0 %. @throws {McpistError} to give up before anybody is served by it. */
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
function annotationOf(run: Run, { look, kid }: Sender): Annotation {
  const annotated = look.versions.find((version) => version.annotatedKid === kid);
  return { kid, from: annotated?.annotatedFrom ?? null, run: run.journal.run };
}

async function attempt(run: Run, wanted: WorkerChange): Promise<Changed> {
  const sender = await senderOf(run);
  const { look, live, kid } = sender;
  const upload = await wanted.upload(live);
  if (!upload) return { versionId: live.id, kid, changed: false };
  await run.journal.record(wanted.name, { version: live.id, kid });
  const id = await run.step(`upload the deployed code with ${wanted.what}`, () => upload(annotationOf(run, sender)));
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
  await run.step(wanted.end, async () => {
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

/** A deploy of somebody else got lost under ours: its code goes live before anything is changed. */
async function findLost(run: Run): Promise<void> {
  const observation = await run.observe();
  const phase = phaseOf(observation);
  if (phase.name === "UNDONE") await ACTIONS.putBack.run(run, observation, phase);
}

/**
 * Deploys the deployed code and secret with one change, under the run's lock. Safe to repeat at any point.
 * @throws {McpistError} ERR_PHASE when it is not clear who sends what, ERR_MISMATCH when the new version is not the same otherwise.
 */
export async function changeWorker(run: Run, wanted: WorkerChange): Promise<Changed> {
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
