/** Steps 8 to 12: probe the new version at 0 %, switch, drain by evidence and time. Needs no value. */
import { McpistError } from "../../errors.ts";
import { HINTS } from "../../hints/hints.ts";
import type { ProbeReport } from "../../../contract/observation.ts";
import { kidOfVersion, liveVersion, sentKids, slotAtOrigins, versionById, type Observation } from "../observation.ts";
import { phaseOf, type Phase } from "../phase.ts";
import { allSettled, POLL_MS, type Run } from "../run.ts";
import { stillInUse, usersOf } from "../old-secret-users.ts";
import { deployable } from "./code.ts";

/** Longest wait until every edge location knows a 0 % version. Unit: milliseconds. */
const PROBE_TIMEOUT_MS = 120_000;

/** Asks `origin` through one Worker version until that version itself has answered. */
async function probe(run: Run, held: string, versionId: string, origin: string): Promise<ProbeReport> {
  return run.until(
    `the probe of ${origin}`,
    PROBE_TIMEOUT_MS,
    async () => {
      await run.stillDeployed(held, POLL_MS);
      const report = await run.targets.worker.probe(versionId, origin);
      return report?.observation?.accepted === undefined ? null : report;
    },
    () => `Worker version ${versionId} did not get an answer from it`,
  );
}

/** Deploys the new version at 0 %, sends its secret to every origin through it, and the old one's through the old one. */
export async function probeUploaded(run: Run, observation: Observation, phase: Phase): Promise<void> {
  const { worker } = observation;
  const before = liveVersion(worker);
  const made = versionById(worker, phase.versions[0]);
  if (!before || !made || phase.other === null) throw new TypeError("probing needs two versions");
  const kid = phase.other;
  await run.step("probe the new version at 0 %", async () => {
    // The one that serves first: what was uploaded last must be the new one.
    const serving = await deployable(run, observation, before, phase.live ?? kid);
    const tried = await deployable(run, observation, made, kid);
    const shares = [
      { versionId: serving, percentage: 100 },
      { versionId: tried, percentage: 0 },
    ];
    run.uploads.add(tried);
    const believed = worker.deployments[0]?.id ?? null;
    const held = await run.deploy({ believed, shares, message: `mcpist probe kid=${kid}` });
    const sent = (await run.targets.worker.look()).observed[tried];
    if (sent !== undefined && sent !== kid) {
      throw new McpistError("ERR_MISMATCH", `Worker version ${tried} sends ${sent ?? "no secret"}, not ${kid}`, {
        hint: HINTS.notSwitched(),
      });
    }
    await allSettled(
      run.origins
        // A joining origin gets no traffic; it is asked through the gateway before it gets any (mcpist origins join).
        .filter((origin) => origin.state === "pool")
        .flatMap((origin) =>
          [tried, serving].map(async (version) => {
            const report = await probe(run, held, version, origin.name);
            if (report.observation?.accepted === true) return;
            throw new McpistError("ERR_MISMATCH", `${origin.name} refuses the secret of Worker version ${version}`, {
              hint: HINTS.nothingSwitched(),
            });
          }),
        ),
    );
    run.evidence.probedVersion = tried;
    run.journal.note("probed", { version: tried });
  });
}

/** The point at which the sender changes. The observation was made after the probes. */
export async function switchOver(run: Run, observation: Observation, phase: Phase): Promise<void> {
  const { worker } = observation;
  const made = versionById(worker, phase.versions[0]);
  const before = liveVersion(worker);
  if (!made || !before || phase.other === null) throw new TypeError("switching needs an uploaded version");
  const kid = phase.other;
  const version = await run.step("switch the Worker", async () => {
    const versionId = await deployable(run, observation, made, kid);
    await run.deploy({
      believed: worker.deployments[0]?.id ?? null,
      shares: [{ versionId, percentage: 100 }],
      message: `mcpist switch kid=${kid}`,
      entry: { event: "switching", detail: { version: versionId, kid, previous: before.id } },
      change: { lastSender: before.id },
    });
    return versionId;
  });
  run.switched = true;
  run.switchedAt = run.context.monotonic();
  await recordSwitch(run, version, kid, phase.live);
}

/** What the journal knows of a switch: who sends since when, and what is to be retired. Age and variable are read from it. */
export async function recordSwitch(run: Run, version: string, kid: string, retired: string | null): Promise<void> {
  const live = { kid, since: null };
  await run.journal.record("switched", { version, kid }, { candidate: null, retired, proven: false, live }, ["live"]);
}

/** Two versions above 0 % with different kids: all traffic to the one whose kid is safe. */
export async function unsplit(run: Run, observation: Observation, phase: Phase): Promise<void> {
  const { deployments } = observation.worker;
  const chosen = versionById(observation.worker, phase.versions[0]);
  if (!chosen) throw new TypeError("a split has two versions");
  await run.step("end the split", async () => {
    const kid = kidOfVersion(observation.worker, chosen.id);
    await run.deploy({
      believed: deployments[0]?.id ?? null,
      shares: [
        {
          versionId: kid === null ? chosen.id : await deployable(run, observation, chosen, kid),
          percentage: 100,
        },
      ],
      message: "mcpist end of split",
    });
  });
  run.journal.note("unsplit", { version: chosen.id });
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
    await run.deploy({
      believed: first.worker.deployments[0]?.id ?? null,
      shares: [{ versionId: await deployable(run, first, live, phase.live), percentage: 100 }],
      message: `mcpist alone kid=${phase.live}`,
    });
    run.journal.note("alone", { version: live.id });
  }
  // Somebody else's upload may have taken the candidate live before this tool did: it is a complete rotation all the same.
  if (run.journal.state.live?.kid !== phase.live) await recordSwitch(run, live.id, phase.live, old);
  const slot = slotAtOrigins(first.origins, phase.live);
  if (slot) await run.step("set GATEWAY_SECRET_LIVE", () => run.writeLive(slot, phase.live ?? ""));
  // What was drained under another deployment begins anew: edge locations may lag behind this one, too.
  if (run.evidence.drained !== null) {
    run.evidence.drained = null;
    run.switchedAt = started;
  }
  let aloneSince = (run.switchedAt ??= started);
  let deployment: string | null | undefined;
  const kids = { old, live: phase.live };
  let watch: Watch = { instances: instancesOf(first), quietSince: started };
  let seen = "";
  const seconds = (ms: number): number => Math.max(0, Math.ceil(ms / 1000));
  const waits = (): string => {
    const now = run.context.monotonic();
    const [young, used] = [minAge - (now - aloneSince), quiet - (now - watch.quietSince)];
    return used >= young
      ? `everybody who sends ${old}: nobody must use it for ${seconds(used)} s more${seen && ` (${seen})`}`
      : `every edge location: to run the new version for ${seconds(young)} s more`;
  };
  const drained = await run.step(`drain ${old}`, async () => {
    let gatewayOldAt: number | null = null;
    let told = false;
    for (;;) {
      const polledAt = run.context.monotonic();
      const [now, answer] = await run.waits(waits, () =>
        Promise.all([run.observe({ waits: true }), run.targets.worker.answers()]),
      );
      const current = phaseOf(now);
      if (current.name !== "LINGERING" || current.other !== old || sentKids(now.worker).join() !== phase.live)
        return false;
      const newest = now.worker.deployments[0]?.id ?? null;
      if (deployment !== undefined && newest !== deployment) {
        aloneSince = polledAt;
        watch.quietSince = polledAt;
      }
      deployment = newest;
      const instances = instancesOf(now);
      if (instances !== watch.instances) watch = { instances, quietSince: polledAt };
      if (answer === old) gatewayOldAt = polledAt;
      // An edge location that answers with the old version may send with it in the next moment.
      const lastSeen = Math.max(lastUse(now, old, polledAt), gatewayOldAt ?? Number.NEGATIVE_INFINITY);
      watch.quietSince = Math.max(watch.quietSince, lastSeen);
      if (polledAt - aloneSince >= minAge && polledAt - watch.quietSince >= quiet) {
        run.evidence.drained = { kid: old, deployment: newest };
        return true;
      }
      const oldAgeSeconds = gatewayOldAt === null ? null : Math.floor((polledAt - gatewayOldAt) / 1000);
      const users = usersOf(now, kids, { oldAgeSeconds }, Math.ceil(quiet / 1000));
      const [first = "", ...others] = users.evidence;
      seen =
        others.length > 0
          ? `${first}; ${others.length} other ${others.length === 1 ? "party" : "parties"} saw it too`
          : first;
      if (users.verdict === "foreign" && !told) {
        told = true;
        run.report.note(`ALARM: ${old} is used by somebody who is not the gateway: ${users.evidence.join("; ")}`);
      }
      if (polledAt - started > max) throw stillInUse(old, Math.round(max / 1000), users);
      await run.journal.stay();
      await run.waits(waits, () => run.context.sleep(Math.min(POLL_MS, quiet / 4)));
    }
  });
  if (drained) run.journal.note("drained", { kid: old });
}
