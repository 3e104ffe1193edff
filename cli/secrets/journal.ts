/**
 * Lock, journal and audit trail in one git ref, written by compare-and-set: every entry is a commit whose parent is the
 * tip that the writer saw, so a second writer's update is not a fast-forward and fails. Metadata only, never a value.
 * The journal is never trusted for safety: it names what was acknowledged, observation says what is.
 */
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { awake, countdown } from "../patience.ts";
import type { GitStore, Guard } from "../targets/types.ts";
import {
  dateEntry,
  readHistory,
  unreadable,
  type Dated,
  type JournalEntry,
  type JournalState,
  type JournalTip,
} from "./journal-entry.ts";
import { JournalRef, type Said } from "./journal-ref.ts";
import { GUARD_TRUST_MS, LATE_WRITES_MS, LEASE_SECONDS } from "./lease.ts";
import { isNamed, isProvenGone, lateWritesMs, locked, outlive, type Identity } from "./steal-lock.ts";

/** A lease that has less left than this is renewed. Unit: milliseconds. */
const RENEW_BELOW_MS = (LEASE_SECONDS - 5 * 60) * 1000;

/** So long may a reading of the ref be behind the run's own entries. Unit: milliseconds. */
const BEHIND_MS = 15_000;
const BEHIND_POLL_MS = 500;

/** What a run may do with the journal. `lost` is for good: such a run never writes again, anywhere. */
type Hold = "none" | "held" | "lost";

/** Reads and writes the journal of one environment; holds the lock of one run. */
export class Journal {
  readonly #store: GitStore;
  readonly #context: Context;
  readonly #identity: Identity;
  readonly #ref: JournalRef;
  #hold: Hold = "none";
  /** Nothing is recorded and nothing is locked: GitHub is out of reach in an emergency. */
  #detached = false;
  /** What a detached run did, as far as the next entry would say. */
  #unrecorded: JournalState | null = null;
  #onDetach: ((why: string) => void) | null = null;
  #leaseLeft: () => number = () => 0;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(store: GitStore, context: Context, identity: Identity) {
    this.#store = store;
    this.#context = context;
    this.#identity = identity;
    this.#ref = new JournalRef(store, context, identity);
  }

  get run(): string {
    return this.#identity.run;
  }
  get held(): boolean {
    return this.#hold === "held";
  }
  get state(): JournalState {
    return this.#unrecorded ?? this.#ref.state;
  }
  get tip(): JournalTip | null {
    return this.#ref.tip;
  }

  /**
   * Reads the tip again. While the lock is held, a foreign tip means that somebody else wrote: throws ERR_LOCK_LOST.
   * @param maxAgeMs while the lock is held, a reading that is not older will do.
   */
  async read(maxAgeMs: number = GUARD_TRUST_MS): Promise<JournalTip | null> {
    if (this.#detached || (this.held && this.#ref.isFresh(maxAgeMs))) return this.tip;
    const sha = await this.#look().catch((error: unknown) => this.#detachFor(error));
    if (sha === undefined || sha === (this.tip?.sha ?? null)) return this.tip;
    if (!this.held) return this.#ref.load(sha);
    if (!this.#ref.adopt(sha)) throw this.#lost();
    return this.tip;
  }

  /** Where the ref is. GitHub may show for some seconds what was there before an entry of this run: that is nobody's write. */
  async #look(): Promise<string | null> {
    const left = awake(this.#context, BEHIND_MS);
    for (;;) {
      const sha = await this.#ref.look();
      if (!this.held || !this.#ref.isPast(sha) || left() <= 0) return sha;
      await this.#context.waits.during("GitHub: its journal to show what this run wrote", () =>
        this.#context.sleep(BEHIND_POLL_MS),
      );
    }
  }

  /** Entries from the newest back, at most `limit`. */
  async history(limit: number): Promise<readonly JournalTip[]> {
    return readHistory(this.#store, limit);
  }

  /** The candidate that the journal names was made by the run that holds the lock now. */
  get ownsCandidate(): boolean {
    return this.held && this.state.candidate?.run === this.#identity.run;
  }

  /** True when a living holder other than this run may still write. */
  get heldByAnother(): boolean {
    return !this.held && this.tip !== null && this.tip.entry.leaseSeconds > 0;
  }

  /**
   * Takes the lock if it is free, or if its holder was a process of this machine that is gone.
   * @param steal run, or workflow run, of a holder that is dead: taken when that is proven.
   * @returns the holder that it was taken from; null when it was free.
   * @throws {McpistError} ERR_LOCKED with who holds it since when and what to do.
   */
  async acquire(steal?: string): Promise<JournalTip | null> {
    if (this.#hold === "lost") throw this.#lost();
    const tip = await this.read();
    const held = tip !== null && tip.entry.leaseSeconds > 0 ? tip : null;
    if (held && !isProvenGone(this.#context, held)) {
      if (steal === undefined) throw locked(held);
      if (!isNamed(held, steal)) {
        throw new McpistError(
          "ERR_LOCKED",
          `the lock is held by run ${held.entry.run}, not by the run named with --steal-lock`,
          { hint: HINTS.whoHolds(held.entry.run) },
        );
      }
      await outlive(this.#context, this.#store, held, this.#identity);
    }
    if (!(await this.#ref.append(held ? "stolen" : "acquired", LEASE_SECONDS))) {
      const winner = await this.#ref.load(await this.#ref.look());
      throw winner ? locked(winner) : this.#lost();
    }
    this.#keep("held");
    return held;
  }

  /**
   * Takes the lock whoever holds it, by compare-and-set, and again if the holder wrote meanwhile. Only for an emergency.
   * @param onDetach told why, when GitHub stops answering later: the run goes on without lock and journal.
   * @returns the former holder with how long it may still have a write under way (milliseconds); null when the lock was free.
   * @throws when GitHub does not answer: the caller may {@link Journal.detach}.
   */
  async seize(onDetach: (why: string) => void): Promise<{ readonly tip: JournalTip; readonly lateMs: number } | null> {
    for (;;) {
      const sha = await this.#ref.look();
      const tip = await this.#ref.load(sha).catch((error: unknown) => this.#orUnreadable(error, sha ?? ""));
      const held = tip !== null && tip.entry.leaseSeconds > 0;
      const time = this.#store.serverTime();
      // An emergency that was killed while it looked leaves the rest of that to the next one.
      const { seizedAt } = tip?.entry.state ?? {};
      const ended = seizedAt ? Math.max(0, time - Date.parse(seizedAt)) : LATE_WRITES_MS;
      const rest = Math.max(0, LATE_WRITES_MS - ended);
      const lateMs = Math.max(rest, held ? lateWritesMs(tip, time) : 0);
      const taken = await this.#ref.append(held ? "seized" : "acquired", LEASE_SECONDS, {
        detail: held ? { from: tip.entry.run } : {},
        change: held && lateMs > 0 ? { seizedAt: new Date(time).toISOString() } : {},
      });
      if (!taken) continue;
      this.#onDetach = onDetach;
      this.#keep("held");
      return tip !== null && (held || lateMs > 0) ? { tip, lateMs } : null;
    }
  }

  /** Goes on without lock and journal. Only for an emergency: a GitHub outage must not keep a leaked secret alive. */
  detach(): void {
    this.#detached = true;
  }
  /** GitHub's silence does not stop this run. */
  get goesOnWithoutGithub(): boolean {
    return this.#detached || this.#onDetach !== null;
  }
  get detached(): boolean {
    return this.#detached;
  }

  /**
   * Writes an entry: what a later run needs, before the write that it announces. Calls from parallel steps are written one
   * after another.
   * @param dated parts of `change` whose time is that of the entry.
   * @throws {McpistError} ERR_LOCK_LOST.
   */
  async record(
    event: string,
    detail: Readonly<Record<string, string>> = {},
    change: Partial<JournalState> = {},
    dated: readonly Dated[] = [],
  ): Promise<JournalTip> {
    return this.#enqueue(() => this.#write(event, { detail, change, dated }));
  }

  async #write(event: string, said: Said): Promise<JournalTip> {
    if (this.#detached) return this.#remember(event, said);
    this.#check();
    try {
      const tip = await this.#appendOwn(event, LEASE_SECONDS, said);
      this.#keep("held");
      return tip;
    } catch (error) {
      this.#detachFor(error);
      return this.#remember(event, said);
    }
  }

  /** Keeps what no later run depends on for the next entry, at the latest for the release. A run that is killed takes it along. */
  note(event: string, detail: Readonly<Record<string, string>> = {}, change: Partial<JournalState> = {}): void {
    if (this.#detached) this.#remember(event, { detail, change });
    else this.#ref.note(event, { detail, change });
  }

  /**
   * While a run only waits: not interrupted, lock held; renews a lease that is getting old. One that is over, because the machine slept
   * or its clock was set, is renewed as well: an entry is written by compare-and-set, so it fails when somebody has taken the lock.
   * @throws as {@link Journal.guard}.
   */
  readonly stay: Guard = async () => {
    this.#context.signal.throwIfAborted();
    if (this.#detached) return;
    this.#check();
    if (this.#leaseLeft() < RENEW_BELOW_MS)
      await this.#enqueue(async () => {
        // Many steps may see it at once: one entry serves them all.
        if (this.#leaseLeft() < RENEW_BELOW_MS) await this.#write("renewed", {});
      });
  };

  /**
   * Before each mutating call: as {@link Journal.stay}, and the tip is still mine.
   * @throws {McpistError} ERR_LOCK_LOST, in every branch of a run, once one of them has seen that the lock is lost.
   */
  readonly guard: Guard = async () => {
    await this.stay();
    await this.#enqueue(async () => {
      // An earlier one in the queue may have seen what this one must not ignore.
      if (this.#detached) return;
      this.#check();
      // Many Machines are written beside each other: one reading of the tip serves all that begin soon after it.
      if (this.#ref.isFresh(GUARD_TRUST_MS)) return;
      await this.read();
    });
    this.#context.signal.throwIfAborted();
  };

  /**
   * Gives the lock back if the tip is still mine; otherwise writes nothing.
   * @returns that the lock was lost, with what the run did last unwritten; null = it was not, or was held no more.
   */
  async release(detail: Readonly<Record<string, string>>): Promise<McpistError | null> {
    if (!this.held) return null;
    return this.#enqueue(async () => {
      try {
        await this.#appendOwn("released", 0, { detail });
        return null;
      } catch (error) {
        if (error instanceof McpistError && error.code === "ERR_LOCK_LOST") return error;
        throw error;
      } finally {
        if (this.held) this.#keep("none");
      }
    });
  }

  /** Keeps the state of a run that cannot write it, so that the run itself sees what it did. */
  #remember(event: string, { detail = {}, change = {}, dated = [] }: Said): JournalTip {
    const date = this.#context.now().toISOString();
    const state = { ...this.state, ...change };
    const own: JournalEntry = { schema: 1, ...this.#identity, nonce: "", event, leaseSeconds: 0, detail, dated, state };
    const entry = dateEntry(own, date);
    this.#unrecorded = entry.state;
    return { sha: "", date, entry };
  }

  async #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#queue.then(work, work);
    this.#queue = next.catch(() => undefined);
    return next;
  }

  #keep(hold: Hold): void {
    this.#hold = hold;
    if (hold === "held") this.#leaseLeft = countdown(this.#context, LEASE_SECONDS * 1000);
    this.#context.underLock?.(hold === "held");
  }

  #check(): void {
    if (this.#hold === "lost") throw this.#lost();
    if (this.#hold === "none")
      throw new McpistError("ERR_LOCK_LOST", "nothing is written without the lock", { hint: HINTS.again() });
  }

  #lost(): McpistError {
    this.#ref.distrust();
    this.#keep("lost");
    return new McpistError("ERR_LOCK_LOST", "somebody else wrote to the rotation journal, so this run stops at once", {
      hint: HINTS.whoWrote(),
    });
  }

  /** @throws `error`, unless this is an emergency and GitHub is its reason. */
  #detachFor(error: unknown): undefined {
    if (!this.#onDetach || !(error instanceof McpistError) || error.code === "ERR_LOCK_LOST") throw error;
    this.detach();
    this.#onDetach(error.message);
  }

  #orUnreadable(error: unknown, sha: string): JournalTip {
    if (!(error instanceof McpistError && error.code === "ERR_MISMATCH")) throw error;
    const tip = unreadable(sha, new Date(this.#store.serverTime()).toISOString());
    this.#ref.assume(tip);
    return tip;
  }

  /** An entry of the holder. @throws {McpistError} ERR_LOCK_LOST when the tip is somebody else's. */
  async #appendOwn(event: string, leaseSeconds: number, said: Said): Promise<JournalTip> {
    for (;;) {
      const tip = await this.#ref.append(event, leaseSeconds, said);
      if (tip) return tip;
      // Only an entry of mine that landed late is gone past.
      const before = this.tip;
      if ((await this.read()) === before) throw this.#lost();
    }
  }
}
