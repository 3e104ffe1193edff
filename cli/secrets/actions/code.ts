/**
 * Code is never changed by a rotation: whatever goes live has the code and the bindings of what was live, or of a newer deploy.
 * These actions need no value: the secret of one version is inherited, by id, by the code of another.
 */
import { McpistError } from "../../errors.ts";
import { HINTS } from "../../hints/hints.ts";
import type { WorkerVersion } from "../../targets/types.ts";
import { isAlike, liveVersion, versionById, versionWith, type Observation } from "../observation.ts";
import type { Phase } from "../phase.ts";
import type { Run } from "../run.ts";

/** The rotation that brought `kid` stays known by the new version too: phases are computed from it. */
export function annotationFor(run: Run, { worker }: Observation, kid: string) {
  return { kid, from: versionWith(worker, kid)?.annotatedFrom ?? null, run: run.journal.run };
}

/**
 * A version with the code and the secret of `version` that can be deployed: itself, or a copy where so many were uploaded since that
 * the platform takes it no more.
 */
export async function deployable(
  run: Run,
  observation: Observation,
  version: WorkerVersion,
  kid: string,
): Promise<string> {
  if (version.aged !== true) return version.id;
  const id = await run.targets.worker.reupload(version, annotationFor(run, observation, kid), run.journal.guard);
  run.touched = true;
  run.journal.note("uploaded again", { version: id, code: version.id, kid });
  return id;
}

/** Deploys a version that was just made, alone. */
async function deployAlone(run: Run, { worker }: Observation, versionId: string, what: string): Promise<void> {
  const believed = worker.deployments[0]?.id ?? null;
  await run.deploy({ believed, shares: [{ versionId, percentage: 100 }], message: `mcpist ${what}` });
}

/** OUTDATED: the candidate's version was made of another one than what is deployed now. The candidate moves to that code. */
export async function remake(run: Run, observation: Observation, phase: Phase): Promise<void> {
  const live = liveVersion(observation.worker);
  const made = versionById(observation.worker, phase.versions[0]);
  if (!live || !made || phase.other === null) throw new TypeError("nothing to make again");
  run.report.note(
    `Worker version ${made.id} was not made of what is deployed (${live.id}): the new secret goes to what is deployed`,
  );
  const annotation = { kid: phase.other, from: phase.live, run: run.journal.run };
  const id = await run.step("upload the deployed code with the new secret", () =>
    run.targets.worker.reupload(live, annotation, run.journal.guard, made),
  );
  run.uploads.add(id);
  run.touched = true;
  run.journal.note("uploaded", { version: id, previous: live.id }, { lastSender: live.id });
}

/** UNDONE: a deploy that was answered with success got lost under a write of ours. Its code goes live with the secret that is live. */
export async function putBack(run: Run, observation: Observation, phase: Phase): Promise<void> {
  const { worker } = observation;
  const live = liveVersion(worker);
  const lost = versionById(worker, phase.versions[0]);
  if (!live || !lost || phase.live === null) {
    throw new McpistError(
      "ERR_PARTIAL",
      `Worker version ${phase.versions[0] ?? "?"} was deployed by somebody else and replaced by ${live?.id ?? "?"}; it cannot be read any more`,
      {
        hint: HINTS.deployAgain(),
      },
    );
  }
  const kid = phase.live;
  run.putBacks++;
  run.report.note(
    `Worker version ${lost.id} was deployed by somebody else meanwhile and got lost: putting its code back`,
  );
  await run.step("put back the deploy that got lost", async () => {
    const id = await run.targets.worker.reupload(lost, annotationFor(run, observation, kid), run.journal.guard, live);
    run.touched = true;
    run.journal.note("putting back", { version: id, code: lost.id });
    await deployAlone(run, observation, id, `put back kid=${kid}`);
    run.journal.note("put back", { version: id, code: lost.id });
  });
}

/** ASTRAY: the deployed code gets the secret that every origin accepts, from the newest version that carries it. */
export async function rearm(run: Run, observation: Observation, phase: Phase): Promise<void> {
  const { worker } = observation;
  const live = liveVersion(worker);
  const source = versionById(worker, phase.versions[0]);
  if (!live || !source || phase.other === null) throw new TypeError("no version carries the secret that is accepted");
  const kid = phase.other;
  run.report.note(`${phase.parties.join(", ")}; every origin accepts ${kid}, which version ${source.id} carries`);
  await run.step("give the deployed code the secret that is accepted", async () => {
    await run.journal.record("rearming", { kid, source: source.id });
    const alike: WorkerVersion | null = isAlike(worker, source, live) ? source : null;
    const annotation = annotationFor(run, observation, kid);
    const id = alike?.id ?? (await run.targets.worker.reupload(live, annotation, run.journal.guard, source));
    run.touched = true;
    await deployAlone(run, observation, id, `repair kid=${kid}`);
    run.journal.note("rearmed", { kid, version: id });
  });
}
