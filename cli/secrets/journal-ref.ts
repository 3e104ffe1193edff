/** The ref of the journal as one run knows it: its tip, what was not acknowledged, and notes that wait for the next entry. No lock. */
import type { Context } from "../context.ts";
import { countdown } from "../patience.ts";
import type { GitStore } from "../targets/types.ts";
import {
  dateEntry,
  EMPTY,
  parseEntry,
  type Dated,
  type JournalEntry,
  type JournalState,
  type JournalTip,
  type Noted,
} from "./journal-entry.ts";
import type { Identity } from "./steal-lock.ts";

/** Kids remembered as dead. */
const DEAD_KEPT = 64;

/** What an entry says beside its event. */
export interface Said {
  readonly detail?: Readonly<Record<string, string>>;
  readonly change?: Partial<JournalState>;
  readonly dated?: readonly Dated[];
}

interface Note extends Noted {
  readonly change: Partial<JournalState>;
}

/** An entry of this run with the notes that it carries. */
interface Made {
  readonly tip: JournalTip;
  readonly notes: readonly Note[];
}

/** Time since now, by whichever clock has gone further. Unit: milliseconds. */
function ageOf(context: Pick<Context, "monotonic" | "now">): () => number {
  const left = countdown(context, 0);
  return () => -left();
}
const NEVER = (): number => Number.POSITIVE_INFINITY;

/** Reads and writes the ref by compare-and-set. */
export class JournalRef {
  readonly #store: GitStore;
  readonly #context: Context;
  readonly #identity: Identity;
  #tip: JournalTip | null = null;
  /** Own entries that GitHub did not acknowledge: they may still land. */
  readonly #unacknowledged = new Map<string, Made>();
  /** Where the ref was before entries of this run; "" = nowhere. */
  readonly #past = new Set<string>();
  #age = NEVER;
  #notes: readonly Note[] = [];

  constructor(store: GitStore, context: Context, identity: Identity) {
    this.#store = store;
    this.#context = context;
    this.#identity = identity;
  }

  get tip(): JournalTip | null {
    return this.#tip;
  }
  /** What the entries amount to, notes included. */
  get state(): JournalState {
    const written = this.#tip?.entry.state ?? EMPTY;
    return this.#notes.reduce((state, { change }) => ({ ...state, ...change }), written);
  }

  note(event: string, { detail = {}, change = {} }: Said): void {
    this.#notes = [...this.#notes, { event, detail, change }];
  }

  /** The last reading is not older than that. Never while an own entry may land late: then each look has to be a new one. */
  isFresh(maxAgeMs: number): boolean {
    return this.#unacknowledged.size === 0 && this.#age() < maxAgeMs;
  }
  /** Every look from now on is a new one. */
  distrust(): void {
    this.#age = NEVER;
  }

  /** The ref was there before an entry of this run: what shows it is behind, or somebody moved the ref back. */
  isPast(sha: string | null): boolean {
    return this.#past.has(sha ?? "");
  }

  /** Where the ref is now; null = there is none. */
  async look(): Promise<string | null> {
    const ref = await this.#store.readRef();
    this.#age = ageOf(this.#context);
    return ref?.sha ?? null;
  }

  /** Reads the entry at `sha`, which is the tip from now on; null = there is none. @throws {McpistError} ERR_MISMATCH when it is none of ours. */
  async load(sha: string | null): Promise<JournalTip | null> {
    if (sha === null) return (this.#tip = null);
    const { message, date } = await this.#store.readCommit(sha);
    return (this.#tip = { sha, date, entry: parseEntry(message, date) });
  }

  /** Takes `tip` for the tip, whatever can be read of it. */
  assume(tip: JournalTip): void {
    this.#tip = tip;
  }

  /** An entry of this run that landed late is the tip from now on. @returns false when `sha` is none. */
  adopt(sha: string | null): boolean {
    const made = this.#unacknowledged.get(sha ?? "");
    if (made) this.#keep(made);
    return made !== undefined;
  }

  /** Writes one entry whose parent is the tip, with all notes. @returns null when the ref is not at that tip any more. */
  async append(event: string, leaseSeconds: number, said: Said = {}): Promise<JournalTip | null> {
    const { detail = {}, change = {}, dated = [] } = said;
    const state = { ...this.state, ...change };
    const notes = this.#notes;
    const entry: JournalEntry = {
      schema: 1,
      ...this.#identity,
      nonce: this.#context.randomBytes(8).toString("hex"),
      event,
      leaseSeconds,
      detail,
      ...(notes.length > 0 ? { since: notes.map((note) => ({ event: note.event, detail: note.detail })) } : {}),
      ...(dated.length > 0 ? { dated } : {}),
      state: { ...state, dead: state.dead.slice(0, DEAD_KEPT) },
    };
    const parent = this.#tip?.sha;
    const { sha, date } = await this.#store.createCommit(
      `mcpist: ${event}\n\n${JSON.stringify(entry)}`,
      parent === undefined ? [] : [parent],
    );
    const made: Made = { tip: { sha, date, entry: dateEntry(entry, date) }, notes };
    let mine: boolean;
    try {
      mine = parent === undefined ? await this.#store.createRef(sha) : await this.#store.updateRef(sha);
    } catch (cause) {
      // The reply was lost: the ref itself tells whether the update happened, or has not happened yet.
      this.#unacknowledged.set(sha, made);
      if ((await this.#store.readRef())?.sha !== sha) throw cause;
      mine = true;
    }
    if (!mine) return null;
    this.#keep(made);
    this.#age = ageOf(this.#context);
    return made.tip;
  }

  #keep({ tip, notes }: Made): void {
    this.#past.add(this.#tip?.sha ?? "");
    this.#tip = tip;
    this.#notes = this.#notes.filter((note) => !notes.includes(note));
  }
}
