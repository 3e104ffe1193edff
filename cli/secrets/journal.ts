/**
 * Lock, journal and audit trail in one git ref, written by compare-and-set: every entry is a commit whose parent is the
 * tip that the writer saw, so a second writer's update is not a fast-forward and fails. Metadata only, never a value.
 * The journal is never trusted for safety: it names what was acknowledged, observation says what is.
 */
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { countdown } from "../http.ts";
import type { GitStore, Guard } from "../targets/types.ts";
import {
  EMPTY,
  parseEntry,
  unreadable,
  type JournalEntry,
  type JournalState,
  type JournalTip,
} from "./journal-entry.ts";
import { GUARD_TRUST_MS, LATE_WRITES_MS, LEASE_MARGIN_MS, LEASE_SECONDS } from "./lease.ts";
import { isNamed, lateWritesMs, locked, outlive, type Identity } from "./takeover.ts";

/** A lease that has less left than this is renewed. Unit: milliseconds. */
const RENEW_BELOW_MS = (LEASE_SECONDS - 5 * 60) * 1000;
/** Kids remembered as dead. */
const DEAD_KEPT = 64;

/** What a run may do with the journal. `lost` is for good: such a run never writes again, anywhere. */
type Hold = "none" | "held" | "lost";

/** Reads and writes the journal of one environment; holds the lock of one run. */
export class Journal {
  readonly #store: GitStore;
  readonly #context: Context;
  readonly #identity: Identity;
  #tip: JournalTip | null = null;
  #hold: Hold = "none";
  /** Nothing is recorded and nothing is locked: GitHub is out of reach in an emergency. */
  #detached = false;
  /** What a detached run did, as far as the next entry would say. */
  #unrecorded: JournalState | null = null;
  #onDetach: ((why: string) => void) | null = null;
  /** Own entries that GitHub did not acknowledge: they may still land. */
  readonly #unacknowledged = new Map<string, JournalTip>();
  #leaseLeft: () => number = () => 0;
  /** How long the last reading of the tip still counts. */
  #trusted: () => number = () => 0;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(store: GitStore, context: Context, identity: Identity) {
    this.#store = store;
    this.#context = context;
    this.#identity = identity;
  }

  get run(): string {
    return this.#identity.run;
  }
  get held(): boolean {
    return this.#hold === "held";
  }
  get state(): JournalState {
    return this.#unrecorded ?? this.#tip?.entry.state ?? EMPTY;
  }
  get tip(): JournalTip | null {
    return this.#tip;
  }

  /** Reads the tip again. While the lock is held, a foreign tip means that somebody else wrote: throws ERR_LOCK_LOST. */
  async read(): Promise<JournalTip | null> {
    if (this.#detached || (this.held && this.#isFresh())) return this.#tip;
    const ref = await this.#store.readRef().catch((error: unknown) => this.#detachFor(error));
    if (ref === undefined) return this.#tip;
    this.#trusted = countdown(this.#context, GUARD_TRUST_MS);
    if (ref?.sha === this.#tip?.sha) return this.#tip;
    if (this.held) {
      const own = this.#unacknowledged.get(ref?.sha ?? "");
      if (!own) throw this.#lost();
      this.#tip = own;
    } else this.#tip = ref ? await this.#load(ref.sha) : null;
    return this.#tip;
  }

  /** Entries from the newest back, at most `limit`. */
  async history(limit: number): Promise<readonly JournalTip[]> {
    const entries: JournalTip[] = [];
    let sha = (await this.#store.readRef())?.sha;
    while (sha !== undefined && entries.length < limit) {
      const commit = await this.#store.readCommit(sha);
      entries.push({ sha, date: commit.date, entry: parseEntry(commit.message) });
      [sha] = commit.parents;
    }
    return entries;
  }

  /** The candidate that the journal names was made by the run that holds the lock now. */
  get ownsCandidate(): boolean {
    return this.held && this.state.candidate?.run === this.#identity.run;
  }

  /** True when a living holder other than this run may still write. */
  get heldByAnother(): boolean {
    return !this.held && this.#tip !== null && this.#tip.entry.leaseSeconds > 0;
  }

  /**
   * Takes the lock if it is free.
   * @param steal run, or workflow run, of a holder that is dead: taken when that is proven.
   * @throws {McpistError} ERR_LOCKED with who holds it since when and what to do.
   */
  async acquire(steal?: string): Promise<void> {
    if (this.#hold === "lost") throw this.#lost();
    const tip = await this.read();
    if (tip && tip.entry.leaseSeconds > 0) {
      if (steal === undefined) throw locked(tip);
      if (!isNamed(tip, steal)) {
        throw new McpistError(
          "ERR_LOCKED",
          `the lock is held by run ${tip.entry.run}, not by the run named with --steal-lock`,
          { hint: HINTS.whoHolds(tip.entry.run) },
        );
      }
      await outlive(this.#context, this.#store, tip, this.#identity);
    }
    if (!(await this.#append(tip && tip.entry.leaseSeconds > 0 ? "stolen" : "acquired", {}, LEASE_SECONDS, {}))) {
      const winner = await this.#store.readRef();
      throw winner ? locked(await this.#load(winner.sha)) : this.#lost();
    }
    this.#keep("held");
  }

  /**
   * Takes the lock whoever holds it, by compare-and-set, and again if the holder wrote meanwhile. Only for an emergency.
   * @param onDetach told why, when GitHub stops answering later: the run goes on without lock and journal.
   * @returns the former holder with how long it may still have a write under way (milliseconds); null when the lock was free.
   * @throws when GitHub does not answer: the caller may {@link Journal.detach}.
   */
  async seize(onDetach: (why: string) => void): Promise<{ readonly tip: JournalTip; readonly lateMs: number } | null> {
    for (;;) {
      const ref = await this.#store.readRef();
      const tip = ref && (await this.#load(ref.sha).catch((error: unknown) => this.#orUnreadable(error, ref.sha)));
      this.#tip = tip;
      const held = tip !== null && tip.entry.leaseSeconds > 0;
      const time = this.#store.serverTime();
      // An emergency that was killed while it looked leaves the rest of that to the next one.
      const { seizedAt } = tip?.entry.state ?? {};
      const rest = seizedAt ? Math.max(0, LATE_WRITES_MS - (time - Date.parse(seizedAt))) : 0;
      const lateMs = Math.max(rest, held ? lateWritesMs(tip, time) : 0);
      const taken = await this.#append(
        held ? "seized" : "acquired",
        held ? { from: tip.entry.run } : {},
        LEASE_SECONDS,
        held && lateMs > 0 ? { seizedAt: new Date(time).toISOString() } : {},
      );
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

  /** Writes an entry. Calls from parallel steps are written one after another. @throws {McpistError} ERR_LOCK_LOST. */
  async record(
    event: string,
    detail: Readonly<Record<string, string>> = {},
    change: Partial<JournalState> = {},
  ): Promise<JournalTip> {
    return this.#enqueue(async () => {
      if (this.#detached) return this.#remember(event, detail, change);
      this.#check();
      try {
        const tip = await this.#appendOwn(event, detail, LEASE_SECONDS, change);
        this.#keep("held");
        return tip;
      } catch (error) {
        this.#detachFor(error);
        return this.#remember(event, detail, change);
      }
    });
  }

  /**
   * Before each mutating call: not interrupted, lock held, lease left, tip still mine; renews a lease that is getting old.
   * @throws {McpistError} ERR_LOCK_LOST, in every branch of a run, once one of them has seen that the lock is lost.
   */
  readonly guard: Guard = async () => {
    this.#context.signal.throwIfAborted();
    if (this.#detached) return;
    this.#check();
    if (this.#leaseLeft() < RENEW_BELOW_MS) {
      await this.record("renewed");
      return;
    }
    await this.#enqueue(async () => {
      // An earlier one in the queue may have seen what this one must not ignore.
      if (this.#detached) return;
      this.#check();
      // Many Machines are written beside each other: one reading of the tip serves all that begin soon after it.
      if (this.#isFresh()) return;
      await this.read();
    });
    this.#context.signal.throwIfAborted();
  };

  /** Gives the lock back if the tip is still mine; otherwise writes nothing. */
  async release(detail: Readonly<Record<string, string>>): Promise<void> {
    if (!this.held) return;
    await this.#enqueue(async () => {
      try {
        await this.#appendOwn("released", detail, 0, {});
      } catch (error) {
        if (!(error instanceof McpistError && error.code === "ERR_LOCK_LOST")) throw error;
      } finally {
        if (this.held) this.#keep("none");
      }
    });
  }

  /** Keeps the state of a run that cannot write it, so that the run itself sees what it did. */
  #remember(event: string, detail: Readonly<Record<string, string>>, change: Partial<JournalState>): JournalTip {
    const state = { ...this.state, ...change };
    this.#unrecorded = state;
    const entry: JournalEntry = { schema: 1, ...this.#identity, nonce: "", event, leaseSeconds: 0, detail, state };
    return { sha: "", date: this.#context.now().toISOString(), entry };
  }

  async #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#queue.then(work, work);
    this.#queue = next.catch(() => undefined);
    return next;
  }

  async #load(sha: string): Promise<JournalTip> {
    const commit = await this.#store.readCommit(sha);
    return { sha, date: commit.date, entry: parseEntry(commit.message) };
  }

  /** The last reading still counts. Never while an own entry may land late: then each look has to be a new one. */
  #isFresh(): boolean {
    return this.#unacknowledged.size === 0 && this.#trusted() > 0;
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
    if (this.#leaseLeft() < LEASE_MARGIN_MS)
      throw new McpistError("ERR_LOCK_LOST", "the lease of this run is nearly over, so it stops itself", {
        hint: HINTS.continues(),
      });
  }

  #lost(): McpistError {
    this.#trusted = () => 0;
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
    if (error instanceof McpistError && error.code === "ERR_MISMATCH")
      return unreadable(sha, new Date(this.#store.serverTime()).toISOString());
    throw error;
  }

  /** An entry of the holder. @throws {McpistError} ERR_LOCK_LOST when the tip is somebody else's. */
  async #appendOwn(
    event: string,
    detail: Readonly<Record<string, string>>,
    leaseSeconds: number,
    change: Partial<JournalState>,
  ): Promise<JournalTip> {
    for (;;) {
      const tip = await this.#append(event, detail, leaseSeconds, change);
      if (tip) return tip;
      // Only an entry of mine that landed late is gone past.
      const before = this.#tip;
      if ((await this.read()) === before) throw this.#lost();
    }
  }

  /** Writes one entry whose parent is the tip. @returns null when the ref is not at that tip any more. */
  async #append(
    event: string,
    detail: Readonly<Record<string, string>>,
    leaseSeconds: number,
    change: Partial<JournalState>,
  ): Promise<JournalTip | null> {
    const state = { ...this.state, ...change };
    const entry: JournalEntry = {
      schema: 1,
      ...this.#identity,
      nonce: this.#context.randomBytes(8).toString("hex"),
      event,
      leaseSeconds,
      detail,
      state: { ...state, dead: state.dead.slice(0, DEAD_KEPT) },
    };
    const parent = this.#tip?.sha;
    const commit = await this.#store.createCommit(
      `mcpist: ${event}\n\n${JSON.stringify(entry)}`,
      parent === undefined ? [] : [parent],
    );
    const made: JournalTip = { sha: commit.sha, date: commit.date, entry };
    let mine: boolean;
    try {
      mine = parent === undefined ? await this.#store.createRef(commit.sha) : await this.#store.updateRef(commit.sha);
    } catch (cause) {
      // The reply was lost: the ref itself tells whether the update happened, or has not happened yet.
      this.#unacknowledged.set(made.sha, made);
      if ((await this.#store.readRef())?.sha !== commit.sha) throw cause;
      mine = true;
    }
    if (!mine) return null;
    this.#tip = made;
    this.#trusted = countdown(this.#context, GUARD_TRUST_MS);
    return made;
  }
}
