/**
 * Lock, journal and audit trail in one git ref, written by compare-and-set: every entry is a commit whose parent is the
 * tip that the writer saw, so a second writer's update is not a fast-forward and fails. Metadata only, never a value.
 * The journal is never trusted for safety: it names what was acknowledged, observation says what is.
 */
import type { SlotName } from "../../contract/gateway-secret.ts";
import type { SlotReport } from "../../contract/observation.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import type { GitStore, Guard } from "../targets/types.ts";
import type { Deploying } from "./deployments.ts";

/** A run may write for this long without renewing. */
export const LEASE_SECONDS = 15 * 60;
const RENEW_AFTER_MS = 5 * 60_000;
/** The holder stops itself this long before the end of its lease. */
const LEASE_MARGIN_MS = 2 * 60_000;
/** Kids remembered as dead. */
const DEAD_KEPT = 64;

/** What the entries so far amount to; carried from entry to entry so that the tip alone is enough. */
export interface JournalState {
  /** GitHub's slots as last acknowledged. */
  readonly vault: {
    readonly a: SlotReport;
    readonly b: SlotReport;
    /** Platform time of that acknowledgement. */ readonly ackAt: string | null;
  };
  /** Kids proven dead, newest first. */
  readonly dead: readonly string[];
  /** Kid whose retirement began last, and whether its death is proven. */
  readonly retired: string | null;
  /** Worker version that had all traffic before the last switch; absent in entries of older versions of the tool. */
  readonly lastSender?: string;
  /** The newest deployment that this tool wrote, and what it was to replace; absent in entries of older versions of the tool. */
  readonly deploying?: Deploying | null;
  readonly proven: boolean;
  readonly abandoned: readonly string[];
  readonly candidate: {
    readonly kid: string;
    readonly slot: SlotName;
    readonly since: string | null;
    readonly run: string;
  } | null;
  readonly init: "unfinished" | "done" | null;
  /** Kid in use since, by platform time. */
  readonly live: { readonly kid: string; readonly since: string | null } | null;
}

/** One entry as it is written. */
export interface JournalEntry {
  readonly schema: 1;
  readonly run: string;
  readonly nonce: string;
  readonly actor: string;
  /** Id of the GitHub Actions run, or "local". */
  readonly workflow: string;
  readonly tool: string;
  readonly event: string;
  /** 0 = the lock is free. */
  readonly leaseSeconds: number;
  readonly detail: Readonly<Record<string, string>>;
  readonly state: JournalState;
}

/** The tip of the ref. */
export interface JournalTip {
  readonly sha: string;
  /** Platform time of the entry. */
  readonly date: string;
  readonly entry: JournalEntry;
}

const EMPTY: JournalState = {
  vault: { a: null, b: null, ackAt: null },
  dead: [],
  retired: null,
  proven: true,
  abandoned: [],
  candidate: null,
  init: null,
  live: null,
};

function parseEntry(message: string): JournalEntry {
  const body = message.slice(message.indexOf("{"));
  try {
    const entry = JSON.parse(body) as JournalEntry;
    if (entry.schema === 1 && typeof entry.run === "string" && typeof entry.state === "object") return entry;
  } catch {
    // falls through: an entry that cannot be read is reported, never guessed
  }
  throw new McpistError("ERR_MISMATCH", "the tip of the rotation ref is not a journal entry of mcpist", {
    hint: "somebody wrote to the ref by hand; look at its newest commits before you go on",
  });
}

/** Reads and writes the journal of one environment; holds the lock of one run. */
export class Journal {
  readonly #store: GitStore;
  readonly #context: Context;
  readonly #identity: {
    readonly run: string;
    readonly actor: string;
    readonly workflow: string;
    readonly tool: string;
  };
  #tip: JournalTip | null = null;
  #held = false;
  /** GitHub is out of reach in an emergency: nothing is recorded, nothing is locked. */
  #detached = false;
  #renewedAt = 0;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(
    store: GitStore,
    context: Context,
    identity: { run: string; actor: string; workflow: string; tool: string },
  ) {
    this.#store = store;
    this.#context = context;
    this.#identity = identity;
  }

  get run(): string {
    return this.#identity.run;
  }
  get held(): boolean {
    return this.#held;
  }
  get state(): JournalState {
    return this.#tip?.entry.state ?? EMPTY;
  }
  get tip(): JournalTip | null {
    return this.#tip;
  }

  /** Reads the tip again. While the lock is held, a foreign tip means that somebody else wrote: throws ERR_LOCK_LOST. */
  async read(): Promise<JournalTip | null> {
    if (this.#detached) return this.#tip;
    const ref = await this.#store.readRef();
    if (this.#held && ref?.sha !== this.#tip?.sha) throw this.#lost();
    if (!ref) this.#tip = null;
    else if (ref.sha !== this.#tip?.sha) this.#tip = await this.#load(ref.sha);
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
    return this.#held && this.state.candidate?.run === this.#identity.run;
  }

  /** True when a living holder other than this run may still write. */
  get heldByAnother(): boolean {
    return !this.#held && this.#tip !== null && this.#tip.entry.leaseSeconds > 0;
  }

  /**
   * Takes the lock. Stealing names the holder's run and needs proof of its death, or a full lease of watching.
   * @throws {McpistError} ERR_LOCKED with who holds it since when and what to do.
   */
  async acquire(steal?: string): Promise<void> {
    const tip = await this.read();
    if (tip && tip.entry.leaseSeconds > 0) {
      if (steal === undefined) throw this.#locked(tip);
      if (steal !== tip.entry.run) {
        throw new McpistError(
          "ERR_LOCKED",
          `the lock is held by run ${tip.entry.run}, not by the run named with --steal-lock`,
          {
            hint: `mcpist secrets history shows who it is`,
          },
        );
      }
      await this.#outlive(tip);
    }
    await this.#write(tip && tip.entry.leaseSeconds > 0 ? "stolen" : "acquired", {}, LEASE_SECONDS, {});
    this.#held = true;
    this.#renewedAt = this.#context.monotonic();
  }

  /** Goes on without lock and journal. Only for an emergency: a GitHub outage must not keep a leaked secret alive. */
  detach(): void {
    this.#detached = true;
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
      if (this.#detached) return this.#unrecorded(event, detail, change);
      if (!this.#held)
        throw new McpistError("ERR_LOCK_LOST", "the journal is written only under the lock", {
          hint: "run the command again",
        });
      this.#checkLease();
      const tip = await this.#write(event, detail, LEASE_SECONDS, change);
      this.#renewedAt = this.#context.monotonic();
      return tip;
    });
  }

  /** Before each mutating call: not interrupted, lease left, tip still mine; renews a lease that is getting old. */
  readonly guard: Guard = async () => {
    this.#context.signal.throwIfAborted();
    if (!this.#held) return;
    this.#checkLease();
    if (this.#context.monotonic() - this.#renewedAt > RENEW_AFTER_MS) await this.record("renewed");
    else await this.#enqueue(() => this.read());
  };

  /** Gives the lock back if the tip is still mine; otherwise writes nothing. */
  async release(detail: Readonly<Record<string, string>>): Promise<void> {
    if (!this.#held) return;
    await this.#enqueue(async () => {
      const ref = await this.#store.readRef();
      if (ref?.sha === this.#tip?.sha) await this.#write("released", detail, 0, {});
      this.#held = false;
    });
  }

  /** Keeps the state of a run that cannot write it, so that the run itself sees what it did. */
  #unrecorded(event: string, detail: Readonly<Record<string, string>>, change: Partial<JournalState>): JournalTip {
    const state = { ...this.state, ...change };
    const entry: JournalEntry = { schema: 1, ...this.#identity, nonce: "", event, leaseSeconds: 0, detail, state };
    this.#tip = { sha: "", date: this.#context.now().toISOString(), entry };
    return this.#tip;
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

  #checkLease(): void {
    if (this.#context.monotonic() - this.#renewedAt > LEASE_SECONDS * 1000 - LEASE_MARGIN_MS) {
      throw new McpistError("ERR_LOCK_LOST", "the lease of this run is nearly over, so it stops itself", {
        hint: "run the command again: it continues",
      });
    }
  }

  #lost(): McpistError {
    this.#held = false;
    return new McpistError("ERR_LOCK_LOST", "somebody else wrote to the rotation journal, so this run stops at once", {
      hint: "mcpist secrets history shows who it was",
    });
  }

  #locked(tip: JournalTip): McpistError {
    const { run, actor, workflow, leaseSeconds } = tip.entry;
    const where = workflow === "local" ? "" : ` (workflow run ${workflow})`;
    return new McpistError(
      "ERR_LOCKED",
      `${actor} has been rotating since ${tip.date}${where}: run ${run} holds the lock`,
      {
        hint: `wait for it; if it is dead: mcpist secrets rotate --steal-lock ${run} (waits up to ${Math.ceil(leaseSeconds / 60)} min to be sure)`,
      },
    );
  }

  /** Returns once the holder is provably dead, or has been silent for its whole lease plus margin by this machine's clock. */
  async #outlive(tip: JournalTip): Promise<void> {
    if (tip.entry.workflow !== "local" && (await this.#store.workflowRun(tip.entry.workflow)) === "over") return;
    const until = this.#context.monotonic() + tip.entry.leaseSeconds * 1000 + LEASE_MARGIN_MS;
    while (this.#context.monotonic() < until) {
      await this.#context.sleep(Math.min(15_000, until - this.#context.monotonic()));
      const now = await this.#store.readRef();
      if (now?.sha !== tip.sha) {
        throw new McpistError(
          "ERR_LOCKED",
          `run ${tip.entry.run} is alive: it wrote to the journal while its lease was watched`,
          {
            hint: "wait for it to finish",
          },
        );
      }
    }
  }

  async #write(
    event: string,
    detail: Readonly<Record<string, string>>,
    leaseSeconds: number,
    change: Partial<JournalState>,
  ): Promise<JournalTip> {
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
    let mine: boolean;
    try {
      mine = parent === undefined ? await this.#store.createRef(commit.sha) : await this.#store.updateRef(commit.sha);
    } catch (cause) {
      // The reply was lost: the ref itself tells whether the update happened.
      if ((await this.#store.readRef())?.sha !== commit.sha) throw cause;
      mine = true;
    }
    if (!mine) {
      if (this.#held) throw this.#lost();
      const winner = await this.#store.readRef();
      throw winner ? this.#locked(await this.#load(winner.sha)) : this.#lost();
    }
    this.#tip = { sha: commit.sha, date: commit.date, entry };
    return this.#tip;
  }
}
