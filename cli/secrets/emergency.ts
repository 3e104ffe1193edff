/**
 * The secret leaked: the shortest time until it is dead at every origin. Gives up availability (`now`) or the drain (`fast`),
 * never the promise that only the new secret is accepted at the end. An origin that could not be reached is NOT DEAD.
 */
import { otherSlot, tombstone } from "../../contract/gateway-secret.ts";
import type { OriginKind } from "../../contract/platforms.ts";
import { acceptedKids } from "../../contract/slots.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { awake } from "../patience.ts";
import type { OriginLook, OriginTarget } from "../targets/types.ts";
import { atEach, awaitDeath, awaitLook, onlyNew, replace, switchTo, uploadNew, type Emergency } from "./kill.ts";
import { leakedKid, lookNow } from "./leaked.ts";
import { buryLate } from "./late-writes.ts";
import { Moved, allSettled, type Run } from "./run.ts";
import { acceptedEverywhere, liveVersion, sharing, versionById } from "./observation.ts";
import { ACTIONS } from "./phases/actions.ts";
import { phaseOf, type Phase } from "./phase.ts";
import { deployedRoutes } from "./pool.ts";
import { notDead, refusal } from "./phases/table.ts";

/** `now`: from the start of the command, what serves with the old secret may be replaced before it is removed. Unit: milliseconds. */
const GENTLE_NOW_MS = 18_000;
/** True where a platform has new instances beside the old ones; a Fly Machine is away while it boots, however gently. */
const OVERLAPS: Readonly<Record<OriginKind, boolean>> = { koyeb: true, fly: false };
/** `now`: from the start, the origin that has the traffic waits so long for the Worker version that will send the new secret. Unit: milliseconds. */
const HOLD_MS = 9000;
/** `fast`: each of the two rollouts may take so long. Unit: milliseconds. */
const GENTLE_FAST_MS = 2 * 60_000;
/** `fast`: edges that still send the old secret are waited for, until nobody used it for a moment, and never for long. */
const QUIET_MS = 2500;
const DRAIN_MAX_MS = 6000;
/** Between two looks at what an origin accepts. Unit: milliseconds. */
const PEEK_MS = 100;

/** A Promise that is kept from outside, and whether it is. */
function signal(): { readonly promise: Promise<void>; readonly give: () => void; given: boolean } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const self = {
    promise,
    given: false,
    give: () => {
      self.given = true;
      resolve();
    },
  };
  return self;
}

/** What the gateway meets at this moment: it asks two origins, and one that refuses its secret is not gone past. */
async function isAccepted(run: Run, { secret, alive }: Emergency): Promise<boolean> {
  const pool = run.origins.filter(({ state, name }) => state === "pool" && !alive.has(name));
  for (const origin of pool.slice(0, 2)) {
    const kids = (await origin.peek?.().catch(() => null)) ?? null;
    if (kids !== null) return acceptedKids(kids).includes(secret.kid);
  }
  return false;
}

/**
 * The old secret dies first. What can be replaced before it is removed is, and the gateway follows in the moment in which it would meet
 * the new secret: the old one fails from then on, and the new one did before.
 */
async function now(run: Run, emergency: Emergency): Promise<void> {
  const { context } = run;
  const { started } = emergency;
  const [uploaded, ready] = [signal(), signal()];
  const serving = run.origins.filter(({ state }) => state === "pool");
  const first = (): OriginTarget | undefined => serving.find(({ name }) => !emergency.alive.has(name));
  const worker = (async () => {
    const id = await uploadNew(run, emergency).finally(uploaded.give);
    await ready.promise;
    await switchTo(run, emergency, id);
  })();
  const watching = run.waits("the new secret to be accepted where the gateway sends it, for the switch", async () => {
    while (!ready.given) {
      if (await isAccepted(run, emergency)) return ready.give();
      await context.sleep(PEEK_MS);
    }
  });
  watching.catch(ready.give);
  const hold = async (): Promise<void> =>
    run.waits("the Worker version, before the origin that has the traffic is replaced", async () => {
      while (!uploaded.given && context.monotonic() - started < HOLD_MS) await context.sleep(PEEK_MS);
    });
  const killed = atEach(run, emergency, async (origin) => {
    const gentleUntil = OVERLAPS[origin.kind] ? started + GENTLE_NOW_MS : 0;
    const leads = origin === first() && serving.length > 1;
    await replace(run, origin, onlyNew(emergency), leads ? { hold, gentleUntil } : { gentleUntil });
    await awaitDeath(run, origin, emergency);
  }).finally(ready.give); // the gateway switches even when every origin is out of reach
  await allSettled([worker, killed]);
}

/** Serves on where it can: new secret everywhere, switch, then the tombstones. */
async function fast(run: Run, emergency: Emergency): Promise<void> {
  const { context } = run;
  const { secret, spare, started } = emergency;
  const uploading = uploadNew(run, emergency);
  uploading.catch(() => undefined);
  const gentleUntil = started + GENTLE_FAST_MS;
  await atEach(run, emergency, async (origin) => {
    const values = () => ({ [spare]: secret.reveal() });
    await replace(run, origin, values(), { gentleUntil });
    // The switch waits for those that serve, and for nobody else.
    const { name, state } = origin;
    const is = (look: OriginLook) => acceptedEverywhere([{ name, state, look }], secret.kid);
    if (state === "pool")
      await awaitLook(run, origin, {
        is,
        values,
        missing: `it does not accept ${secret.kid}`,
        waits: `every instance to accept ${secret.kid}`,
      });
  });
  const reached = run.origins.filter(({ name, state }) => state === "pool" && !emergency.alive.has(name));
  await switchTo(run, emergency, await uploading);
  await quiet(run, emergency, reached);
  await atEach(run, emergency, async (origin) => {
    const left = context.monotonic() + GENTLE_FAST_MS;
    // Both slots: the former holder may have written the other one meanwhile.
    await replace(run, origin, onlyNew(emergency), { gentleUntil: left });
    await awaitDeath(run, origin, emergency);
  });
}

/** Waits for edges that lag, not for whoever uses the leaked secret. */
async function quiet(run: Run, { leaked }: Emergency, origins: readonly OriginTarget[]): Promise<void> {
  const { context } = run;
  const switched = context.monotonic();
  const used = async (): Promise<boolean> => {
    const looks = await Promise.all(origins.map((origin) => origin.look()));
    return looks.some(
      (look) => look.ok && look.instances.some(({ lastAccepted }) => (lastAccepted[leaked] ?? 3600) * 1000 < QUIET_MS),
    );
  };
  await run.waits(`edge locations that lag: to stop sending ${leaked}`, async () => {
    while (context.monotonic() - switched < DRAIN_MAX_MS) {
      await context.sleep(PEEK_MS * 2);
      if (context.monotonic() - switched >= QUIET_MS && !(await used())) return;
    }
  });
}

/** Takes back what an immediate rollout changed at a platform. What cannot be taken back now is by the next run. */
async function calmDown(run: Run): Promise<void> {
  await Promise.all(
    run.origins.map(async (origin) => {
      try {
        await origin.settle?.(run.journal.guard);
      } catch (error) {
        run.context.signal.throwIfAborted();
        const why = error instanceof McpistError ? error.message : "unexpected error";
        run.report.note(`${origin.name}: its rollouts are still immediate (${why}); the next run puts that right`);
      }
    }),
  );
}

/** GitHub last: an outage there must not keep a leaked secret alive. */
async function writeGithub(run: Run, emergency: Emergency): Promise<string | null> {
  const gone = tombstone(emergency.leaked);
  const { spare, old, secret } = emergency;
  try {
    await run.step("write GitHub", () =>
      run.writeVault({ [spare]: secret.reveal(), [old]: gone }, { [spare]: secret.kid, [old]: gone }),
    );
    await run.writeLive(spare, secret.kid);
    return null;
  } catch (error) {
    run.context.signal.throwIfAborted();
    return error instanceof McpistError ? error.message : "unexpected error";
  }
}

/** What happened before: an emergency takes the lock of whoever holds it. */
export interface Since {
  /** Own monotonic time at which the command began. Unit: milliseconds. */
  readonly started?: number;
  /** How long the former holder of the lock may still have a write under way. Unit: milliseconds. */
  readonly lateMs?: number;
}

/**
 * `rotate --emergency fast|now`.
 * @throws {McpistError} ERR_NOT_DEAD naming every origin at which the leaked secret may still be accepted.
 */
export async function emergency(run: Run, mode: "fast" | "now", since: Since = {}): Promise<Phase> {
  const started = since.started ?? run.context.monotonic();
  const late = awake(run.context, since.lateMs ?? 0);
  const { before, slot } = await lookNow(run, mode);
  const phase = phaseOf(before);
  const live = leakedKid(before, mode);
  if (phase.name === "UNSET" || live === null) throw refusal(phase);
  const sender = liveVersion(before.worker);
  if (sharing(before.worker).length > 1 && sender)
    run.report.note(`two Worker versions share the traffic: ${sender.id} keeps all traffic, with its code`);
  const source = phase.name === "ASTRAY" ? versionById(before.worker, phase.versions[0]) : sender;
  // Where no origin can be seen it does not matter: both slots are overwritten.
  const old = slot ?? "a";
  const spare = otherSlot(old);
  const undone = before.worker.lost;
  const lost = undone ? liveVersion({ ...before.worker, deployment: undone.shares }) : null;
  const secret = await run.generate(spare);
  run.result.from = { slot: old, kid: live };
  run.result.to = { slot: spare, kid: secret.kid };
  const state: Emergency = { started, secret, leaked: live, spare, old, before, lost, version: null, alive: new Map() };
  await run.journal.record(
    `emergency ${mode}`,
    { from: live, kid: secret.kid },
    {
      candidate: { kid: secret.kid, slot: spare, since: null, run: run.journal.run },
      emergency: { kid: live, mode },
      ...(source ? { lastSender: source.id } : {}),
    },
    ["candidate"],
  );

  await (mode === "now" ? now(run, state) : fast(run, state));
  let github = await writeGithub(run, state);
  for (const origin of run.targets.origins) {
    if (origin.state === "quarantined") state.alive.set(origin.name, "it is quarantined, which does not kill a secret");
  }
  // Said at once: whoever can stop such an app must not wait for what follows, Cloudflare's answer among it.
  const told = (name: string, reason: string): void => {
    run.result.proof[name] = "NOT DEAD";
    run.report.note(`${name} NOT DEAD (${reason}): stop the app or cut its network now`);
  };
  for (const [name, reason] of state.alive) told(name, reason);
  for (const name of await unknownOrigins(run)) {
    const reason = "the gateway knows it and this configuration does not, so nothing was written there";
    state.alive.set(name, reason);
    told(name, reason);
  }
  await calmDown(run);
  if ((since.lateMs ?? 0) > 0)
    await buryLate(run, state, late, async () => {
      github = await writeGithub(run, state);
    });
  secret.wipe();
  if (state.alive.size === 0) await settle(run, true);
  // What cannot be put right now must not hide who is still alive.
  else await settle(run, false).catch(() => run.report.note("the Worker could not be looked at again"));
  return conclude(run, state, github);
}

/** Names of origins that the deployed gateway has and this checkout's configuration does not: an older one, or somebody else's. */
async function unknownOrigins(run: Run): Promise<readonly string[]> {
  // What cannot be read hides nobody: every origin of this configuration has been told about.
  const deployed = await deployedRoutes(run.targets.worker).catch(() => null);
  const known = new Set(run.targets.origins.map(({ name }) => name));
  return (deployed?.config.origins ?? []).map(({ name }) => name).filter((name) => !known.has(name));
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
  if (state.alive.size > 0) throw notDead(state.leaked, [...state.alive.keys()]);
  if (github !== null) {
    throw new McpistError(
      "ERR_PARTIAL",
      `the leaked secret is dead everywhere, but GitHub was not written: ${github}`,
      {
        hint: HINTS.githubBack(),
      },
    );
  }
  if (run.journal.detached) {
    throw new McpistError(
      "ERR_PARTIAL",
      "the leaked secret is dead everywhere, but GitHub kept neither lock nor journal: another run may have been writing",
      { hint: HINTS.githubBack() },
    );
  }
  return phaseOf(await run.observe());
}
