/** One run of the tool: its targets, its journal, its one candidate and what it has seen itself. No policy. */
import { SLOT_VARIABLES, type SlotName } from "../../contract/gateway-secret.ts";
import { FLY_STOP_SECONDS } from "../../contract/origin-drain.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { reported, type Reporter } from "../reporter.ts";
import type {
  GitStore,
  Guard,
  OriginTarget,
  RolloutSpeed,
  Share,
  SlotValues,
  Targets,
  WorkerTarget,
} from "../targets/types.ts";
import { Away, NoTurn } from "./away.ts";
import type { Journal } from "./journal.ts";
import type { JournalState } from "./journal-entry.ts";
import { observe, type Evidence, type Looking } from "./observe.ts";
import { isListed, lostUnder, markedMessage, type Deploying } from "./deployments.ts";
import type { Observation } from "./observation.ts";
import { Secret } from "./secret.ts";
import { SlotWrites } from "./slot-writes.ts";
import { pauseMs, type WaitText } from "../waits.ts";

/** Unit: milliseconds. */
export interface DrainTimes {
  readonly minAge: number;
  readonly quiet: number;
  readonly max: number;
}

/** What a run needs. */
export interface RunDeps {
  readonly context: Context;
  readonly targets: Targets;
  readonly journal: Journal;
  readonly store: Pick<GitStore, "serverTime">;
  readonly drain: DrainTimes;
  readonly report: Reporter;
}

/** Longest wait for rollouts to be complete everywhere. Unit: milliseconds. */
export const VERIFY_TIMEOUT_MS = 15 * 60_000;
/** Between two looks while waiting. Unit: milliseconds. */
export const POLL_MS = 1000;

/** Somebody deployed since the last observation: the loop observes again before anything else is written. */
export class Moved extends Error {
  override readonly name: string = "Moved";
}

/** Our write replaced a deploy of somebody else unseen: what the next observation calls UNDONE. */
export class Overtook extends Moved {
  override readonly name = "Overtook";
}

/** A deployment to be written. */
export interface Deploy {
  /** Id of the deployment that the run believes to be the newest; null before the first. */
  readonly believed: string | null;
  readonly shares: readonly Share[];
  readonly message: string;
  /** See {@link Targets}: an old version at 0 %. */
  readonly recall?: boolean;
  /** What the journal says before it is written; the default is the message. */
  readonly entry?: { readonly event: string; readonly detail: Readonly<Record<string, string>> };
  readonly change?: Partial<JournalState>;
}

/** How long a list may lag behind the write of what it has to show. Unit: milliseconds. */
const LISTED_WITHIN_MS = 15_000;
/** A reading of GitHub's dates that is of this run and from before a write. Unit: milliseconds. */
const VAULT_BEFORE_MS = 60_000;
/** GitHub's dates are whole seconds, and of several machines. Unit: milliseconds. */
const SAME_MOMENT_MS = 5000;
/** More than anybody deploys while one deployment is written. */
const OVER_TRIES = 5;

/** State of one run. Everything else is observed. */
export class Run {
  readonly context: Context;
  readonly targets: Targets;
  readonly journal: Journal;
  readonly drain: DrainTimes;
  readonly report: Reporter;
  readonly evidence: Evidence = { probedVersion: null, drained: null };
  readonly slots = new SlotWrites();
  readonly #store: Pick<GitStore, "serverTime">;
  readonly #pool: readonly OriginTarget[];
  readonly #away: Away;
  /** Origins of which it was said that their instances get more time. */
  readonly #told = new Set<string>();
  /** The last look at the deployments, and when it began; null = none since the last write. */
  #deployed: { readonly at: number; readonly list: ReturnType<WorkerTarget["deployments"]> } | null = null;
  candidate: { readonly secret: Secret; readonly slot: SlotName } | null = null;
  /** Something was written that a re-run has to finish: errors now mean "partly applied". */
  touched = false;
  /** The sender was changed by this run. */
  switched = false;
  /** Own monotonic time of the switch. */
  switchedAt: number | null = null;
  /** Kid that GitHub's variable names since this run wrote it. */
  liveSaid: string | null = null;
  /** Versions that this run uploaded: asked by id, however many are uploaded after them and however far a list is behind. */
  readonly uploads = new Set<string>();
  /** Deploys of others that this run has put back. */
  putBacks = 0;
  /** What this run did, in order, by the names of phases/actions.ts. */
  readonly actions: string[] = [];
  /** The first secret was made by this run. */
  initialised = false;
  /** Tombstones for this kid were written everywhere by this run. */
  retiredKid: string | null = null;
  readonly result: {
    from: { slot: SlotName; kid: string } | null;
    to: { slot: SlotName; kid: string } | null;
    proof: Record<string, string>;
  } = {
    from: null,
    to: null,
    proof: {},
  };

  constructor(deps: RunDeps) {
    this.context = deps.context;
    this.targets = deps.targets;
    this.journal = deps.journal;
    this.drain = deps.drain;
    this.report = deps.report;
    this.#store = deps.store;
    this.#pool = this.targets.origins.filter(({ state }) => state === "pool");
    this.#away = new Away(this.context, this.#pool);
  }

  /** Looks at everybody, the versions that this run uploaded included. @throws as {@link observe} */
  async observe(looking: Pick<Looking, "waits" | "withinMs"> = {}): Promise<Observation> {
    return observe(this.targets, this.journal, this.#store, this.evidence, { ...looking, known: [...this.uploads] });
  }

  /** Origins that are written and verified. */
  get origins(): readonly OriginTarget[] {
    return this.targets.origins.filter((origin) => origin.state !== "quarantined");
  }

  /** Runs `work` as a reported step. */
  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    return reported(this.report, this.context.signal, name, work);
  }

  /** Makes the run's only candidate. Generating twice would scatter different values over the targets. */
  async generate(slot: SlotName): Promise<Secret> {
    if (this.candidate) throw new TypeError("a run generates one secret");
    const secret = await Secret.generate(this.context.randomBytes, this.context.redactor);
    this.candidate = { secret, slot };
    return secret;
  }

  /**
   * @param maxAgeMs a look of this run that is not older will do: many probes beside each other need one.
   * @throws {Moved} when the newest deployment is not the one that the run believes in.
   */
  async stillDeployed(believed: string | null, maxAgeMs = 0): Promise<void> {
    const now = this.context.monotonic();
    const known = this.#deployed && now - this.#deployed.at < maxAgeMs ? this.#deployed : null;
    this.#deployed = known ?? { at: now, list: this.targets.worker.deployments() };
    const [newest] = await this.#deployed.list;
    if ((newest?.id ?? null) !== believed) throw new Moved();
  }

  /**
   * Replaces the deployment if it still is what the run believes, looked at right before the write, because the platform has no
   * compare-and-set. The journal says first what is replaced, and afterwards the list says whether that was so: what got lost is
   * found by this run or by the next. @returns the new deployment's id. @throws {Moved} before it,
   * {@link Overtook} after it.
   */
  async deploy(wanted: Deploy): Promise<string> {
    return this.#replace(wanted, async () => {
      await this.journal.guard();
      await this.stillDeployed(wanted.believed);
    });
  }

  async #replace(wanted: Deploy, guard: Guard): Promise<string> {
    const { believed, shares, message, entry, change, recall = false } = wanted;
    const { worker } = this.targets;
    const deploying: Deploying = { replaces: believed, mark: this.context.randomBytes(6).toString("hex") };
    const { event, detail } = entry ?? { event: "deploying", detail: { what: message } };
    await this.journal.record(event, detail, { ...change, deploying });
    const id = await worker
      .deploy(shares, markedMessage(message, deploying.mark), guard, { recall })
      .catch((error: unknown) => this.#refused(deploying, error));
    this.touched = true;
    this.#deployed = null;
    const began = this.context.monotonic();
    for (;;) {
      const since = this.context.monotonic() - began;
      const list = await worker.deployments();
      if (lostUnder(list, deploying)) throw new Overtook();
      if (isListed(list, deploying) || since > LISTED_WITHIN_MS) return id;
      await this.waits(`Cloudflare: its list to show deployment ${id}`, () => this.context.sleep(pauseMs(since)));
    }
  }

  /**
   * A deploy of somebody else that came in between may be the reason: next to it ours would bring back another secret, which
   * Cloudflare refuses (10220). @throws {Moved} then, else `error`.
   */
  async #refused(deploying: Deploying, error: unknown): Promise<never> {
    if (!(error instanceof McpistError && error.code === "ERR_VENDOR")) throw error;
    const list = await this.targets.worker.deployments();
    if (!isListed(list, deploying) && (list[0]?.id ?? null) !== deploying.replaces) throw new Moved();
    throw error;
  }

  /** Replaces whatever is deployed, for what waits for nobody. What gets lost under it is UNDONE at the next look, and put back. */
  async deployOver(wanted: Deploy): Promise<void> {
    for (let { believed } = wanted, tries = 1; ; tries++) {
      try {
        await this.#replace({ ...wanted, believed }, this.journal.guard);
        return;
      } catch (error) {
        if (error instanceof Overtook) return;
        if (!(error instanceof Moved) || tries === OVER_TRIES) throw error;
        believed = (await this.targets.worker.deployments())[0]?.id ?? null;
      }
    }
  }

  /** Waits and looks again until `ready` says so. @throws {McpistError} ERR_TIMEOUT naming what is missing. */
  async until<T>(what: string, timeoutMs: number, ready: () => Promise<T | null>, missing: () => string): Promise<T> {
    const began = this.context.monotonic();
    const text = () => `${what}: ${missing()}`;
    for (;;) {
      const value = await this.waits(text, ready);
      if (value !== null) return value;
      const since = this.context.monotonic() - began;
      if (since > timeoutMs) {
        throw new McpistError(
          "ERR_TIMEOUT",
          `${what} took longer than ${Math.round(timeoutMs / 1000)} s: ${missing()}`,
          {
            hint: HINTS.platform(),
          },
        );
      }
      await this.waits(text, () => this.context.sleep(pauseMs(since)));
    }
  }

  /** Counts as waiting, for whom and for what `text` says, until `work` has settled. */
  async waits<T>(text: WaitText, work: () => Promise<T>): Promise<T> {
    return this.context.waits.during(text, work);
  }

  /**
   * Writes slots of GitHub and records what is there now; what GitHub does not show is recorded as not known.
   * @throws {McpistError} ERR_MISMATCH then: success was all that it said.
   */
  async writeVault(values: SlotValues, known: Partial<Record<SlotName, string>>): Promise<void> {
    const { vault } = this.targets;
    const before = await vault.names(VAULT_BEFORE_MS);
    await vault.write(values, this.journal.guard);
    this.touched = true;
    const record = (change: Partial<Record<SlotName, string | null>>) =>
      // The acknowledgement is dated by the platform's own time of this entry, so that two clocks are never compared.
      this.journal.record("wrote github", {}, { vault: { ...this.journal.state.vault, ...change, ackAt: null } }, [
        "vault",
      ]);
    await record(known);
    const hidden = await this.#hiddenSlots(values, before);
    const [slot] = hidden;
    if (slot === undefined) return;
    await record(Object.fromEntries(hidden.map((name) => [name, null])));
    throw new McpistError(
      "ERR_MISMATCH",
      `GitHub took ${SLOT_VARIABLES[slot]} and does not show that it was written: nothing could be restored from there`,
      { hint: HINTS.again() },
    );
  }

  /** Names the live secret in GitHub's variable. */
  async writeLive(slot: SlotName, kid: string): Promise<void> {
    await this.targets.vault.writeLive(slot, kid, this.journal.guard);
    this.liveSaid = kid;
  }

  /** Slots of `values` whose date GitHub does not move, although the last one is not of this moment. */
  async #hiddenSlots(
    values: SlotValues,
    before: Readonly<Record<SlotName, string | null>>,
  ): Promise<readonly SlotName[]> {
    const now = this.#store.serverTime();
    const tells = (slot: SlotName) => now - Date.parse(before[slot] ?? "1970-01-01T00:00:00Z") > SAME_MOMENT_MS;
    const slots = (["a", "b"] as const).filter((slot) => values[slot] !== undefined && tells(slot));
    const began = this.context.monotonic();
    for (;;) {
      const shown = slots.length === 0 ? before : await this.targets.vault.names(0);
      const hidden = slots.filter((slot) => shown[slot] === before[slot]);
      const since = this.context.monotonic() - began;
      if (hidden.length === 0 || since > LISTED_WITHIN_MS) return hidden;
      await this.waits("GitHub: its list to show what was written", () =>
        this.context.sleep(Math.max(1000, pauseMs(since))),
      );
    }
  }

  /**
   * Rolls one origin out. One that is alone on its platform is away meanwhile: it waits for its turn, and where no other origin could
   * serve, that is said first.
   * @param until own monotonic time at which it no longer waits for its turn. @throws {NoTurn} then, with nothing begun.
   */
  async roll(origin: OriginTarget, speed: RolloutSpeed, until?: number): Promise<void> {
    const roll = () => origin.roll(speed, this.journal.guard);
    if (speed === "now") return roll();
    const { alone, short } = await origin.outlook();
    this.#tellShort(origin, short);
    if (origin.state !== "pool" || !alone) return roll();
    if (this.#pool.length === 1)
      this.report.note(
        `${origin.name} has one instance and no other origin is in the pool: requests fail while it boots`,
      );
    return this.#away.during(origin, roll, until).catch((error: unknown) => {
      // Somebody else did not come back: that is the error to tell, and nothing more is replaced.
      throw until === undefined && error instanceof NoTurn ? error.cause : error;
    });
  }

  /** A write that changes more than it means to is said, once. */
  #tellShort({ name }: OriginTarget, ids: readonly string[]): void {
    if (ids.length === 0 || this.#told.has(name)) return;
    this.#told.add(name);
    this.report.note(
      `${name}: ${ids.join(", ")} had five seconds to end calls and get ${FLY_STOP_SECONDS} s (stop_config), which stays`,
    );
  }

  /** Writes slots of one origin and rolls it out. */
  async writeOrigin(origin: OriginTarget, values: SlotValues, speed: RolloutSpeed, verb: string): Promise<void> {
    await this.slots.write(origin, values, this.journal.guard);
    this.touched = true;
    this.journal.note(`${verb} ${origin.name}`);
    await this.roll(origin, speed);
    this.journal.note(`rolled ${origin.name}`);
  }

  /** Exit code of an error at this point. */
  exitCodeOf(error: unknown): ExitCode {
    if (this.context.signal.aborted) return EXIT.interrupted;
    const own = error instanceof McpistError ? error.exitCode : EXIT.failed;
    return this.touched && own !== EXIT.interrupted ? EXIT.partial : own;
  }
}

/** Settles all and throws the first error only after every part has ended, so that nothing goes on behind the caller's back. */
export async function allSettled(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}
