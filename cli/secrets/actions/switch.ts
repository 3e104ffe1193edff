/** Steps 8 to 12: probe the new version at 0 %, switch, drain by evidence and time. Needs no value. */
import { McpistError } from "../../errors.ts";
import type { ProbeReport } from "../../../contract/observation.ts";
import { latestVersion, liveVersion, sentKids, slotAtOrigins, type Observation, type Phase } from "../phase.ts";
import { phaseOf } from "../phase.ts";
import type { Share } from "../../targets/types.ts";
import { allSettled, POLL_MS, type Run } from "../run.ts";

/** Longest wait until every edge location knows a 0 % version. Unit: milliseconds. */
const PROBE_TIMEOUT_MS = 120_000;

/** Asks `origin` through one Worker version until that version itself has answered. */
async function probe(run: Run, held: readonly Share[], versionId: string, origin: string): Promise<ProbeReport> {
  return run.until(
    `the probe of ${origin}`,
    PROBE_TIMEOUT_MS,
    async () => {
      await run.stillDeployed(held);
      const report = await run.targets.worker.probe(versionId, origin);
      return report?.observation?.accepted === undefined ? null : report;
    },
    () => `Worker version ${versionId} did not get an answer from it`,
  );
}

/** Deploys the new version at 0 %, sends its secret to every origin through it, and the old one's through the old one. */
export async function probeUploaded(run: Run, observation: Observation): Promise<void> {
  const before = liveVersion(observation.worker);
  const made = latestVersion(observation.worker);
  if (!before || !made) throw new TypeError("probing needs two versions");
  await run.step("probe the new version at 0 %", async () => {
    const shares = [
      { versionId: before.id, percentage: 100 },
      { versionId: made.id, percentage: 0 },
    ];
    await run.deploy(observation.worker.deployment, shares, `mcpist probe kid=${made.annotatedKid ?? "?"}`);
    run.touched = true;
    await allSettled(
      run.origins
        // A joining origin gets no traffic; it is asked through the gateway before it gets any (mcpist origins join).
        .filter((origin) => origin.state === "pool")
        .flatMap((origin) =>
          [made, before].map(async (version) => {
            const report = await probe(run, shares, version.id, origin.name);
            if (report.observation?.accepted === true) return;
            throw new McpistError("ERR_MISMATCH", `${origin.name} refuses the secret of Worker version ${version.id}`, {
              hint: "nothing was switched; mcpist secrets status shows what each party holds",
            });
          }),
        ),
    );
  });
  run.evidence.probedVersion = made.id;
  await run.journal.record("probed", { version: made.id });
}

/** The point at which the sender changes. The observation was made after the probes. */
export async function switchOver(run: Run, observation: Observation, phase: Phase): Promise<void> {
  const made = latestVersion(observation.worker);
  const before = liveVersion(observation.worker);
  if (!made || !before || phase.other === null) throw new TypeError("switching needs an uploaded version");
  const kid = phase.other;
  await run.journal.record("switching", { version: made.id, kid }, { lastSender: before.id });
  await run.step("switch the Worker", () =>
    run.deploy(observation.worker.deployment, [{ versionId: made.id, percentage: 100 }], `mcpist switch kid=${kid}`),
  );
  run.touched = true;
  run.switched = true;
  run.switchedAt = run.context.monotonic();
  const tip = await run.journal.record(
    "switched",
    { version: made.id, kid },
    { candidate: null, retired: phase.live, proven: false },
  );
  await run.journal.record("live", { kid }, { live: { kid, since: tip.date } });
}

/** Two versions above 0 % with different kids: all traffic to the one whose kid is safe. */
export async function unsplit(run: Run, observation: Observation, phase: Phase): Promise<void> {
  const { versions, deployment } = observation.worker;
  const sending = versions.filter(({ id }) =>
    deployment.some((share) => share.versionId === id && share.percentage > 0),
  );
  const [newer] = sending;
  const older = sending.at(-1);
  if (!newer || !older) throw new TypeError("a split has two versions");
  const newerKid = observation.worker.observed[newer.id] ?? newer.annotatedKid;
  const newerIsSafe = newerKid === phase.live || (newerKid === phase.other && phase.complete);
  const chosen = newerIsSafe ? newer : older;
  await run.step("end the split", () =>
    run.deploy(deployment, [{ versionId: chosen.id, percentage: 100 }], "mcpist end of split"),
  );
  run.touched = true;
  await run.journal.record("unsplit", { version: chosen.id });
}

interface Watch {
  readonly instances: string;
  /** Latest moment at which the old kid may still have been accepted, by this machine's clock. */
  quietSince: number;
}

/** Newest possible acceptance of `kid`: poll time minus reported age. Ages are whole seconds, rounded down, so this errs late. */
function lastUse(observation: Observation, kid: string, polledAt: number): number {
  let latest = Number.NEGATIVE_INFINITY;
  for (const origin of observation.origins) {
    if (!origin.look.ok) continue;
    for (const instance of origin.look.instances) {
      const age = instance.lastAccepted[kid];
      if (age !== undefined && age !== null) latest = Math.max(latest, polledAt - age * 1000);
    }
  }
  return latest;
}

const instancesOf = (observation: Observation): string =>
  observation.origins
    .flatMap((origin) =>
      origin.look.ok
        ? origin.look.instances.map((instance) => `${origin.name}/${instance.id}/${instance.rollout}`)
        : [`${origin.name}/?`],
    )
    .sort()
    .join();

/**
 * Waits until nobody sends the old kid any more: the new version alone for `minAge`, and no acceptance of the old kid at
 * any instance for `quiet`. Returns as soon as the phase is no longer LINGERING, too.
 * @throws {McpistError} ERR_PARTIAL after `max`: both secrets stay valid.
 */
export async function drain(run: Run, first: Observation, phase: Phase): Promise<void> {
  const old = phase.other;
  const live = liveVersion(first.worker);
  if (old === null || phase.live === null || !live) throw new TypeError("a drain has an old and a live kid");
  const { minAge, quiet, max } = run.drain;
  const started = run.context.monotonic();
  if (first.worker.deployment.length > 1) {
    // A version at 0 % can be pinned by anybody who knows the header, and would hold up the drain.
    await run.deploy(
      first.worker.deployment,
      [{ versionId: live.id, percentage: 100 }],
      `mcpist switch kid=${phase.live}`,
    );
    await run.journal.record("alone", { version: live.id });
  }
  const slot = live.annotatedKid === null ? null : slotAtOrigins(first.origins, phase.live);
  if (slot)
    await run.step("set GATEWAY_SECRET_LIVE", () =>
      run.targets.vault.writeLive(slot, phase.live ?? "", run.journal.guard),
    );
  run.switchedAt ??= started;
  const aloneSince = run.switchedAt;
  await run.step(`drain ${old}`, async () => {
    let watch: Watch = { instances: instancesOf(first), quietSince: started };
    for (;;) {
      const polledAt = run.context.monotonic();
      const now = await run.observe();
      const current = phaseOf(now);
      if (current.name !== "LINGERING" || current.other !== old || sentKids(now.worker).join() !== phase.live) return;
      const instances = instancesOf(now);
      if (instances !== watch.instances) watch = { instances, quietSince: polledAt };
      watch.quietSince = Math.max(watch.quietSince, lastUse(now, old, polledAt));
      if (polledAt - aloneSince >= minAge && polledAt - watch.quietSince >= quiet) {
        run.evidence.drainedKid = old;
        return;
      }
      if (polledAt - started > max) {
        throw new McpistError(
          "ERR_PARTIAL",
          `the old secret ${old} is still in use after ${Math.round(max / 1000)} s; both secrets stay valid`,
          {
            hint: "look for a client that pins an old Worker version, then run the command again: it goes on draining",
          },
        );
      }
      await run.journal.guard();
      await run.context.sleep(Math.min(POLL_MS, quiet / 4));
    }
  });
  if (run.evidence.drainedKid === old) await run.journal.record("drained", { kid: old });
}
