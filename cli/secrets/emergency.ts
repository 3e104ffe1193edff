/**
 * The secret leaked: the shortest time until it is dead at every origin. Gives up availability (`now`) or the drain (`fast`),
 * never the promise that only the new secret is accepted at the end. An origin that could not be reached is NOT DEAD.
 */
import { otherSlot, tombstone, type SlotName } from "../../contract/gateway-secret.ts";
import { acceptedKids } from "../../contract/observation.ts";
import { McpistError } from "../errors.ts";
import type { OriginTarget, SlotValues, WorkerVersion } from "../targets/types.ts";
import { resetForEmergency } from "./actions/stage.ts";
import { Moved, allSettled, POLL_MS, type Run } from "./run.ts";
import {
  acceptedEverywhere,
  latestVersion,
  liveVersion,
  sameCode,
  sharing,
  slotAtOrigins,
  versionById,
  type Observation,
} from "./observation.ts";
import { ACTIONS } from "./phases/actions.ts";
import { phaseOf, type Phase } from "./phase.ts";
import { notDead, refusal } from "./phases/table.ts";
import type { Secret } from "./secret.ts";

/** After this an origin is reported as not dead. Unit: milliseconds. */
const KILL_TIMEOUT_MS = 5 * 60_000;

/** Everything that one emergency needs to know. */
interface Emergency {
  readonly started: number;
  readonly secret: Secret;
  /** Kid that leaked. */
  readonly leaked: string;
  readonly spare: SlotName;
  readonly old: SlotName;
  /** What was seen before: its code stays. */
  before: Observation;
  /** A deploy that an earlier write of this tool replaced unseen: its code goes live instead. */
  readonly lost: WorkerVersion | null;
  /** Reason by origin that is not dead. */
  readonly alive: Map<string, string>;
}

/** Runs one origin's part; a failure makes it NOT DEAD instead of stopping the others. */
async function atEach(run: Run, emergency: Emergency, work: (origin: OriginTarget) => Promise<void>): Promise<void> {
  await Promise.all(
    run.origins.map(async (origin) => {
      if (emergency.alive.has(origin.name)) return;
      try {
        await work(origin);
      } catch (error) {
        run.context.signal.throwIfAborted();
        emergency.alive.set(origin.name, error instanceof McpistError ? error.message : "unexpected error");
      }
    }),
  );
}

/** True when no instance and no configuration accepts the leaked secret, and all accept the new one. */
async function isDead(origin: OriginTarget, emergency: Emergency): Promise<boolean> {
  const look = await origin.look();
  // Where a joining origin runs nothing at all, nothing can accept anything.
  if (look.ok && origin.state === "joining" && look.instances.length === 0) return (look.silent ?? []).length === 0;
  if (!look.ok || look.config === null || look.instances.length === 0) return false;
  return [look.config, ...look.instances.map((instance) => instance.kids)].every(
    (kids) => acceptedKids(kids).join() === emergency.secret.kid,
  );
}

async function awaitDeath(run: Run, origin: OriginTarget, emergency: Emergency): Promise<void> {
  const deadline = run.context.monotonic() + KILL_TIMEOUT_MS;
  while (!(await isDead(origin, emergency))) {
    if (run.context.monotonic() > deadline)
      throw new McpistError("ERR_TIMEOUT", `it still accepts ${emergency.leaked}`);
    await run.context.sleep(POLL_MS);
  }
  const after = Math.round((run.context.monotonic() - emergency.started) / 1000);
  run.result.proof[origin.name] = `dead after ${after} s`;
  run.report.note(`${origin.name} DEAD after ${after} s`);
}

async function roll(run: Run, origin: OriginTarget, values: SlotValues): Promise<void> {
  await run.step(`write ${origin.name} and replace every instance`, () =>
    run.writeOrigin(origin, values, "now", "emergency"),
  );
}

/** wrangler makes the version from the latest upload: where that is not the deployed code by now, the secret goes to the deployed code. */
async function uploadNew(run: Run, emergency: Emergency): Promise<string> {
  const annotation = { kid: emergency.secret.kid, from: emergency.leaked, run: run.journal.run };
  const { worker } = run.targets;
  return run.step("upload the Worker version", async () => {
    const id = await worker.upload(emergency.secret.reveal(), annotation, run.journal.guard);
    run.touched = true;
    // A gateway that does not answer must not keep a leaked secret alive.
    const look = await worker.look([id]).catch(() => null);
    if (!look) return id;
    emergency.before = { ...emergency.before, worker: { ...look, blind: null, lost: null } };
    const made = versionById(look, id);
    const live = emergency.lost ?? liveVersion(look);
    if (!made || !live || sameCode(made, live)) return id;
    return worker.reupload(live, annotation, run.journal.guard, made);
  });
}

async function switchTo(run: Run, emergency: Emergency, versionId: string): Promise<void> {
  const { kid } = emergency.secret;
  const believed = emergency.before.worker.deployments[0]?.id ?? null;
  await run.step("switch the Worker", () =>
    run.deployOver({ believed, shares: [{ versionId, percentage: 100 }], message: `mcpist emergency kid=${kid}` }),
  );
  run.switched = true;
  const tip = await run.journal.record(
    "switched",
    { version: versionId, kid },
    { candidate: null, retired: emergency.leaked, proven: false },
  );
  await run.journal.record("live", { kid }, { live: { kid, since: tip.date } });
}

/** The old secret dies first; the gateway follows as soon as one origin accepts the new one. */
async function now(run: Run, emergency: Emergency): Promise<void> {
  const values = (): SlotValues => ({
    [emergency.spare]: emergency.secret.reveal(),
    [emergency.old]: tombstone(emergency.leaked),
  });
  let firstReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    firstReady = resolve;
  });
  const worker = (async () => {
    const id = await uploadNew(run, emergency);
    await ready;
    await switchTo(run, emergency, id);
  })();
  const killed = atEach(run, emergency, async (origin) => {
    await roll(run, origin, values());
    firstReady();
    await awaitDeath(run, origin, emergency);
  }).finally(firstReady); // the gateway switches even when every origin is out of reach
  await allSettled([worker, killed]);
}

/** Serves on where it can: new secret everywhere, switch, then the tombstones at once. */
async function fast(run: Run, emergency: Emergency): Promise<void> {
  await atEach(run, emergency, (origin) => roll(run, origin, { [emergency.spare]: emergency.secret.reveal() }));
  // The switch waits for those that serve, and for nobody else.
  const reached = run.origins
    .filter(({ name, state }) => state === "pool" && !emergency.alive.has(name))
    .map(({ name }) => name);
  await run.until(
    "the rollout",
    KILL_TIMEOUT_MS,
    async () => {
      const { origins } = await run.observe();
      return acceptedEverywhere(
        origins.filter((origin) => reached.includes(origin.name)),
        emergency.secret.kid,
      )
        ? true
        : null;
    },
    () => reached.join(", "),
  );
  await switchTo(run, emergency, await uploadNew(run, emergency));
  await atEach(run, emergency, async (origin) => {
    await roll(run, origin, { [emergency.old]: tombstone(emergency.leaked) });
    await awaitDeath(run, origin, emergency);
  });
}

/** GitHub last: an outage there must not keep a leaked secret alive. */
async function writeGithub(run: Run, emergency: Emergency): Promise<string | null> {
  const gone = tombstone(emergency.leaked);
  const { spare, old, secret } = emergency;
  try {
    await run.step("write GitHub", () =>
      run.writeVault({ [spare]: secret.reveal(), [old]: gone }, { [spare]: secret.kid, [old]: gone }),
    );
    await run.targets.vault.writeLive(spare, secret.kid, run.journal.guard);
    return null;
  } catch (error) {
    run.context.signal.throwIfAborted();
    return error instanceof McpistError ? error.message : "unexpected error";
  }
}

/**
 * `rotate --emergency fast|now`.
 * @throws {McpistError} ERR_NOT_DEAD naming every origin at which the leaked secret may still be accepted.
 */
export async function emergency(run: Run, mode: "fast" | "now"): Promise<Phase> {
  const started = run.context.monotonic();
  const before = await run.observe();
  const phase = phaseOf(before);
  // Where the Worker sends something else, what the origins accept is what leaked.
  const live = phase.name === "ASTRAY" ? phase.other : phase.live;
  if (phase.name === "UNSET" || live === null) throw refusal(phase);
  const sender = liveVersion(before.worker);
  if (sharing(before.worker).length > 1 && sender)
    run.report.note(`two Worker versions share the traffic: ${sender.id} keeps all traffic, with its code`);
  const source = phase.name === "ASTRAY" ? versionById(before.worker, phase.versions[0]) : sender;
  if (phase.uploadDiffers || !sameCode(latestVersion(before.worker), sender))
    await resetForEmergency(run, before, live, source);
  // Where no origin can be seen it does not matter: both slots are overwritten.
  const old = slotAtOrigins(before.origins, live) ?? "a";
  const spare = otherSlot(old);
  const lost = phase.name === "UNDONE" ? versionById(before.worker, phase.versions[0]) : null;
  const secret = await run.generate(spare);
  run.result.from = { slot: old, kid: live };
  run.result.to = { slot: spare, kid: secret.kid };
  const state: Emergency = { started, secret, leaked: live, spare, old, before, lost, alive: new Map() };
  await run.journal.record(
    `emergency ${mode}`,
    { from: live, kid: secret.kid },
    {
      candidate: { kid: secret.kid, slot: spare, since: null, run: run.journal.run },
      ...(source ? { lastSender: source.id } : {}),
    },
  );

  await (mode === "now" ? now(run, state) : fast(run, state));
  const github = await writeGithub(run, state);
  secret.wipe();
  for (const origin of run.targets.origins) {
    if (origin.state === "quarantined") state.alive.set(origin.name, "it is quarantined, which does not kill a secret");
  }
  if (state.alive.size === 0) await settle(run, true);
  // What cannot be put right now must not hide who is still alive.
  else await settle(run, false).catch(() => run.report.note("the Worker could not be looked at again"));
  return conclude(run, state, github);
}

/** More than anybody deploys during one emergency. */
const SETTLES = 8;

/** Puts back what was deployed meanwhile and got lost; then the proof, where everything is dead. */
async function settle(run: Run, proves: boolean): Promise<void> {
  let proven = !proves;
  for (let tries = 0; tries < SETTLES; tries++) {
    try {
      const observation = await run.observe();
      const phase = phaseOf(observation);
      if (phase.name === "UNDONE") await ACTIONS.putBack.run(run, observation, phase);
      else if (phase.name === "ASTRAY" && phase.versions.length > 0) await ACTIONS.rearm.run(run, observation, phase);
      else if (proven || !liveVersion(observation.worker)) return;
      else {
        await ACTIONS.prove.run(run, observation, phase);
        proven = true;
      }
    } catch (error) {
      if (!(error instanceof Moved)) throw error;
    }
  }
}

async function conclude(run: Run, state: Emergency, github: string | null): Promise<Phase> {
  for (const [name, reason] of state.alive) {
    run.result.proof[name] = "NOT DEAD";
    run.report.note(`${name} NOT DEAD (${reason}): stop the app or cut its network now`);
  }
  if (state.alive.size > 0) {
    throw notDead(state.leaked, [...state.alive.keys()]);
  }
  if (github !== null) {
    throw new McpistError(
      "ERR_PARTIAL",
      `the leaked secret is dead everywhere, but GitHub was not written: ${github}`,
      {
        hint: "run mcpist secrets rotate when GitHub is back",
      },
    );
  }
  return phaseOf(await run.observe());
}
