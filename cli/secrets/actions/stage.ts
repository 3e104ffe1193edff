/** Steps 3 to 7: generate, write the spare slot everywhere, upload the Worker version. Nothing sends the candidate yet. */
import { otherSlot, tombstone, ZERO_TOMBSTONE, type SlotName } from "../../../contract/gateway-secret.ts";
import { McpistError } from "../../errors.ts";
import { HINTS } from "../../hints/hints.ts";
import type { OriginTarget, SlotValues } from "../../targets/types.ts";
import { acceptsSomewhere, latestVersion, liveVersion, slotAtOrigins, type Observation } from "../observation.ts";
import type { Phase } from "../phase.ts";
import { allSettled, type Run } from "../run.ts";
import { annotationFor } from "./code.ts";

/** Slot in which the live kid sits. @throws {McpistError} ERR_PHASE when no origin shows it. */
export function liveSlot({ origins }: Observation, live: string): SlotName {
  const slot = slotAtOrigins(origins, live);
  if (slot !== null) return slot;
  throw new McpistError("ERR_PHASE", "no origin holds the live secret in a slot", { hint: HINTS.status() });
}

/**
 * Origins whose slots may be tombstoned because they hold the live secret beside. A joining origin that does not is left alone:
 * without a valid slot it could not start, and nobody sends to it.
 */
export function holdingLive(run: Run, observation: Observation, live: string): readonly OriginTarget[] {
  const holds = (target: OriginTarget) => {
    const origin = observation.origins.find((candidate) => candidate.name === target.name);
    return origin !== undefined && acceptsSomewhere(origin, live);
  };
  return run.origins.filter((origin) => origin.state === "pool" || holds(origin));
}

/** What a new secret looks like at one origin: the spare slot; at a newcomer both slots, for what else it holds is not to come back. */
function staged(
  run: Run,
  origin: OriginTarget,
  holding: readonly OriginTarget[],
  spare: SlotName,
  text: string,
): SlotValues {
  const shared = run.origins.some((other) => other.state === "pool" && other.store === origin.store);
  return holding.includes(origin) || shared ? { [spare]: text } : { [spare]: text, [otherSlot(spare)]: ZERO_TOMBSTONE };
}

/** Generates the candidate and writes it to the spare slot of GitHub and of every origin, all beside each other. */
export async function stage(run: Run, observation: Observation, phase: Phase): Promise<void> {
  const live = phase.live;
  if (live === null) throw new TypeError("staging needs a live kid");
  const slot = liveSlot(observation, live);
  const spare = otherSlot(slot);
  const secret = await run.generate(spare);
  run.result.from = { slot, kid: live };
  run.result.to = { slot: spare, kid: secret.kid };
  const candidate = { kid: secret.kid, slot: spare, since: null, run: run.journal.run };
  const holding = holdingLive(run, observation, live);
  await run.journal.record("staging", { slot: spare, kid: secret.kid, from: live }, { candidate }, ["candidate"]);
  await allSettled([
    run.step("write GitHub", () => run.writeVault({ [spare]: secret.reveal() }, { [spare]: secret.kid })),
    ...run.origins.map((origin) =>
      run.step(`write ${origin.name} and roll out`, () =>
        run.writeOrigin(origin, staged(run, origin, holding, spare, secret.reveal()), "rolling", "wrote"),
      ),
    ),
  ]);
}

/**
 * Uploads a Worker version that carries the candidate and forgets the value. wrangler makes it from the latest upload, so the next
 * look compares its code with what is deployed: where somebody uploaded meanwhile, the phase is OUTDATED.
 */
export async function upload(run: Run, observation: Observation, phase: Phase): Promise<void> {
  const { candidate } = run;
  const before = liveVersion(observation.worker);
  if (!candidate || !before) throw new TypeError("uploading needs the run's candidate and a live version");
  run.journal.note("verified", { kid: candidate.secret.kid });
  const madeOf = { id: before.id, exact: false };
  const annotation = { kid: candidate.secret.kid, from: phase.live, run: run.journal.run, madeOf };
  const id = await run.step("upload the Worker version", () =>
    run.targets.worker.upload(candidate.secret.reveal(), annotation, run.journal.guard),
  );
  run.uploads.add(id);
  run.touched = true;
  candidate.secret.wipe();
  run.journal.note("uploaded", { version: id, previous: before.id }, { lastSender: before.id });
}

/** Guard G8: makes the latest uploaded version carry the live secret and the deployed code again; the caller observes anew. */
export async function resetUpload(run: Run, observation: Observation, phase: Phase): Promise<void> {
  const { worker } = observation;
  const live = liveVersion(worker);
  const latest = latestVersion(worker);
  if (!live || !latest || phase.live === null) throw new TypeError("a reset needs a live version");
  const annotation = annotationFor(run, observation, phase.live);
  const alone = (versionId: string): Promise<string> =>
    run.deploy({
      believed: worker.deployments[0]?.id ?? null,
      shares: [{ versionId, percentage: 100 }],
      message: `mcpist reset kid=${phase.live}`,
    });
  await run.step("reset the latest Worker version", async () => {
    // A leftover at 0 % would stay reachable by header.
    if (worker.deployment.length > 1 && live.aged !== true) await alone(live.id);
    const copy = await run.targets.worker.reupload(live, annotation, run.journal.guard);
    run.uploads.add(copy);
    // So many were uploaded since that it could not stand beside a new one any more: the copy takes its place.
    if (live.aged === true) await alone(copy);
  });
  run.touched = true;
  if (latest.annotatedKid === null) run.report.note(previewNote(latest.id));
  run.journal.note("reset upload", { leftover: latest.id });
}

const previewNote = (id: string): string =>
  `Worker version ${id} was uploaded by somebody else and is not deployed: it carries the secret of that moment, so upload it again before it is deployed`;

/** First secret of an installation: slot A, a zero tombstone in B, then the Worker. No traffic can be lost: nothing answers yet. */
export async function initialise(run: Run, observation: Observation): Promise<void> {
  const secret = await run.generate("a");
  run.result.to = { slot: "a", kid: secret.kid };
  await run.journal.record("initialising", { slot: "a", kid: secret.kid }, { init: "unfinished" });
  const values = () => ({ a: secret.reveal(), b: ZERO_TOMBSTONE });
  await allSettled([
    run.step("write GitHub", () => run.writeVault(values(), { a: secret.kid, b: ZERO_TOMBSTONE })),
    ...run.origins.map((origin) =>
      run.step(`write ${origin.name}`, async () => {
        await run.slots.write(origin, values(), run.journal.guard);
        run.touched = true;
        run.journal.note(`wrote ${origin.name}`);
      }),
    ),
  ]);
  const annotation = { kid: secret.kid, from: null, run: run.journal.run };
  const id = await run.step("upload the Worker version", () =>
    run.targets.worker.upload(secret.reveal(), annotation, run.journal.guard),
  );
  secret.wipe();
  await run.step("deploy the Worker version", () =>
    run.deployOver({
      believed: observation.worker.deployments[0]?.id ?? null,
      shares: [{ versionId: id, percentage: 100 }],
      message: `mcpist init kid=${secret.kid}`,
    }),
  );
  // Machines that already run were started without a slot and refused; those that exist but wait are started by the service stack.
  const running = new Set(
    observation.origins
      .filter((origin) => origin.look.ok && origin.look.instances.length > 0)
      .map((origin) => origin.name),
  );
  await allSettled(
    run.origins.filter((origin) => running.has(origin.name)).map((origin) => origin.roll("rolling", run.journal.guard)),
  );
  await run.writeLive("a", secret.kid);
  run.initialised = true;
  await run.journal.record("initialised", { version: id }, { init: "done", live: { kid: secret.kid, since: null } }, [
    "live",
  ]);
}

/** Tombstones a kid in the spare slot everywhere: a candidate that was given up, or one that came back from the dead. */
export async function clear(run: Run, observation: Observation, phase: Phase, kid: string): Promise<void> {
  if (phase.live === null) throw new TypeError("clearing needs a live kid");
  const spare = otherSlot(liveSlot(observation, phase.live));
  const gone = tombstone(kid);
  await run.journal.record(
    "abandoned",
    { kid },
    { abandoned: [kid, ...run.journal.state.abandoned].slice(0, 16), candidate: null },
  );
  await allSettled([
    run.step("clear GitHub", () => run.writeVault({ [spare]: gone }, { [spare]: gone })),
    ...holdingLive(run, observation, phase.live).map((origin) =>
      run.step(`clear ${origin.name} and roll out`, () =>
        run.writeOrigin(origin, { [spare]: gone }, "rolling", "cleared"),
      ),
    ),
  ]);
}
