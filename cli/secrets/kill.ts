/** How an emergency replaces what accepts the leaked secret, and what it looks at to know that it is dead. No order of steps. */
import { tombstone, type SlotName } from "../../contract/gateway-secret.ts";
import { acceptedKids } from "../../contract/slots.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { Annotation, OriginLook, OriginTarget, SlotValues, WorkerVersion } from "../targets/types.ts";
import { pauseMs } from "../waits.ts";
import { isAlike, liveVersion, versionById, type Observation } from "./observation.ts";
import { POLL_MS, type Run } from "./run.ts";
import { NoTurn } from "./away.ts";
import type { Secret } from "./secret.ts";

/** After this an origin is reported as not dead. Unit: milliseconds. */
const KILL_TIMEOUT_MS = 5 * 60_000;
/** What a complete rollout has not brought by then, somebody undid. Unit: milliseconds. */
const AGAIN_MS = 10_000;

/** A platform that replaces instances shows one again by then. Unit: milliseconds. */
const EMPTY_MS = 5_000;

/** Everything that one emergency needs to know. */
export interface Emergency {
  /** Own monotonic time at which the command began. */
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
  /** The version that sends the new secret, once it is uploaded. */
  version: string | null;
  /** Reason by origin that is not dead. */
  readonly alive: Map<string, string>;
}

/** Runs one origin's part; a failure makes it NOT DEAD instead of stopping the others. */
export async function atEach(
  run: Run,
  emergency: Emergency,
  work: (origin: OriginTarget) => Promise<void>,
): Promise<void> {
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
export function isDead(origin: Pick<OriginTarget, "state">, look: OriginLook, emergency: Emergency): boolean {
  // Where a joining origin runs nothing at all, nothing can accept anything.
  if (look.ok && origin.state === "joining" && look.instances.length === 0) return (look.silent ?? []).length === 0;
  if (!look.ok || look.config === null || look.instances.length === 0) return false;
  return [look.config, ...look.instances.map((instance) => instance.kids)].every(
    (kids) => acceptedKids(kids).join() === emergency.secret.kid,
  );
}

/** Waits for it, and says when it was. @throws {McpistError} ERR_TIMEOUT. */
export async function awaitDeath(run: Run, origin: OriginTarget, emergency: Emergency): Promise<void> {
  await awaitLook(run, origin, {
    is: (look) => isDead(origin, look, emergency),
    values: () => onlyNew(emergency),
    missing: `it still accepts ${emergency.leaked}`,
    waits: `every instance and its configuration to refuse ${emergency.leaked}`,
  });
  const after = Math.round((run.context.monotonic() - emergency.started) / 1000);
  run.result.proof[origin.name] = `dead after ${after} s`;
  run.report.note(`${origin.name} DEAD after ${after} s`);
}

/** What is waited for at an origin whose rollout is over. */
export interface Awaited {
  readonly is: (look: OriginLook) => boolean;
  /** Written again when it does not come: somebody's write landed between ours and the rollout. */
  readonly values: () => SlotValues;
  readonly missing: string;
  /** The same for progress. */
  readonly waits: string;
}

/** @throws {McpistError} ERR_TIMEOUT. */
export async function awaitLook(run: Run, origin: OriginTarget, awaited: Awaited): Promise<void> {
  await run.waits(`${origin.name}: ${awaited.waits}`, () => lookUntil(run, origin, awaited));
}

async function lookUntil(run: Run, origin: OriginTarget, { is, values, missing }: Awaited): Promise<void> {
  const { context } = run;
  const began = context.monotonic();
  let emptySince: number | null = null;
  for (let again = began + AGAIN_MS; ;) {
    const look = await origin.look();
    if (is(look)) return;
    const now = context.monotonic();
    const since = now - began;
    if (since > KILL_TIMEOUT_MS)
      throw new McpistError("ERR_TIMEOUT", look.ok ? missing : look.reason, { hint: HINTS.platform() });
    // Stopped by hand, as the page on emergencies says: nobody is there who could show what the slots hold.
    const empty = look.ok && look.instances.length === 0 && (look.silent ?? []).length === 0;
    emptySince = empty ? (emptySince ?? now) : null;
    if (emptySince !== null && now - emptySince > EMPTY_MS)
      throw new McpistError("ERR_TIMEOUT", "nothing runs there, and its slots are written", { hint: HINTS.platform() });
    if (now > again) {
      await replace(run, origin, values(), { gentleUntil: 0 });
      again = context.monotonic() + AGAIN_MS;
    }
    await context.sleep(pauseMs(since));
  }
}

/** What an origin holds when nothing but the new secret is left. */
export const onlyNew = ({ spare, old, secret, leaked }: Emergency): SlotValues => ({
  [spare]: secret.reveal(),
  [old]: tombstone(leaked),
});

/** When and how an origin's instances are replaced. */
export interface Replacing {
  /** Waits until the instances may go. */
  readonly hold?: () => Promise<void>;
  /** Replacement before removal; what still serves after this goes at once. Own monotonic time, milliseconds. */
  readonly gentleUntil: number;
}

/**
 * Writes an origin's slots and replaces every instance. A rollout that fails is made once more from slots that are written again:
 * whoever had the lock before may have written between the two, and an origin without a valid slot does not start.
 */
export async function replace(
  run: Run,
  origin: OriginTarget,
  values: SlotValues,
  { hold, gentleUntil }: Replacing,
): Promise<void> {
  await run.step(`write ${origin.name} and replace every instance`, async () => {
    // Before anything else: a cold start must not read what leaked.
    await run.slots.write(origin, values, run.journal.guard);
    run.touched = true;
    run.journal.note(`emergency ${origin.name}`);
    await hold?.();
    try {
      await rollUntil(run, origin, gentleUntil);
    } catch (error) {
      if (!(error instanceof McpistError && error.code === "ERR_VENDOR")) throw error;
      await run.slots.write(origin, values, run.journal.guard);
      await rollUntil(run, origin, gentleUntil);
    }
    run.journal.note(`rolled ${origin.name}`);
  });
}

async function rollUntil(run: Run, origin: OriginTarget, gentleUntil: number): Promise<void> {
  const atOnce = () => origin.roll("now", run.journal.guard);
  if (run.context.monotonic() >= gentleUntil) return atOnce();
  await rollGently(run, origin, gentleUntil).catch((error: unknown) => {
    if (error instanceof NoTurn) return atOnce();
    throw error;
  });
}

async function rollGently(run: Run, origin: OriginTarget, until: number): Promise<void> {
  const state = { over: false };
  const rolling = run.roll(origin, "rolling", until).finally(() => (state.over = true));
  rolling.catch(() => undefined);
  // In steps, so that a rollout that is over in time ends the wait.
  while (!state.over && run.context.monotonic() < until)
    await Promise.race([
      rolling.catch(() => undefined),
      run.waits(`${origin.name}: new instances beside the old ones`, () =>
        run.context.sleep(Math.min(POLL_MS, until - run.context.monotonic())),
      ),
    ]);
  if (state.over) return rolling;
  run.report.note(`${origin.name} has not replaced every instance yet: what is left goes at once`);
  await origin.roll("now", run.journal.guard);
  // It follows the newer deployment; what it threw is settled by that one.
  await rolling.catch(() => undefined);
}

/** Cloudflare may refuse what wrangler knows how to say. */
const REFUSED: ReadonlySet<string> = new Set(["ERR_VENDOR", "ERR_NOT_FOUND", "ERR_UNREACHABLE"]);

/** One call, onto the code that is deployed; wrangler would take seconds to start, and is for a Worker that this call does not fit. */
async function makeVersion(run: Run, { lost, before, secret }: Emergency, annotation: Annotation): Promise<string> {
  const { worker } = run.targets;
  const live = lost ?? liveVersion(before.worker);
  try {
    if (live) return await worker.arm(live, secret.reveal(), annotation, run.journal.guard);
  } catch (error) {
    if (!(error instanceof McpistError && REFUSED.has(error.code))) throw error;
    run.report.note(`${error.message}; trying it with wrangler`);
  }
  const after = live ? { madeOf: { id: live.id, exact: false } } : {};
  return worker.upload(secret.reveal(), { ...annotation, ...after }, run.journal.guard);
}

/** Whatever code the version was made from, the one that goes live has the code that is deployed by now. */
export async function uploadNew(run: Run, emergency: Emergency): Promise<string> {
  const annotation = { kid: emergency.secret.kid, from: emergency.leaked, run: run.journal.run };
  const { worker } = run.targets;
  emergency.version = await run.step("upload the Worker version", async () => {
    const id = await makeVersion(run, emergency, annotation);
    run.touched = true;
    // A gateway that does not answer must not keep a leaked secret alive.
    const look = await worker.look([id]).catch(() => null);
    if (!look) return id;
    emergency.before = { ...emergency.before, worker: { ...look, blind: null, lost: null } };
    const made = versionById(look, id);
    const live = emergency.lost ?? liveVersion(look);
    if (!made || !live || isAlike(look, made, live)) return id;
    return worker.reupload(live, annotation, run.journal.guard, made);
  });
  return emergency.version;
}

/** All traffic to the version that carries the new secret, whatever is deployed now. */
export async function switchTo(run: Run, emergency: Emergency, versionId: string): Promise<void> {
  const { kid } = emergency.secret;
  const believed = emergency.before.worker.deployments[0]?.id ?? null;
  await run.step("switch the Worker", () =>
    run.deployOver({ believed, shares: [{ versionId, percentage: 100 }], message: `mcpist emergency kid=${kid}` }),
  );
  run.switched = true;
  await run.journal.record(
    "switched",
    { version: versionId, kid },
    { candidate: null, retired: emergency.leaked, proven: false, live: { kid, since: null } },
    ["live"],
  );
}
