/**
 * Faults by rule: which call to a vendor goes wrong, and how. Pure bookkeeping; sandbox/vendors/vendor.ts carries the decision out.
 * The same rules serve tests (in-process) and operators (HTTP control endpoint, named scenarios).
 */

/** A vendor of the sandbox. `gateway`, `origin` are the public sides of the Worker and of the origins. */
export const VENDORS = [
  "github",
  "cloudflare",
  "koyeb",
  "fly",
  "idp",
  "notion",
  "broker",
  "gateway",
  "origin",
] as const;
export type VendorName = (typeof VENDORS)[number];

/** What goes wrong. `before`: the vendor never sees the call. `after`: it does, and then answers wrongly. `lost`: it does, and no answer comes. */
export type FaultEffect =
  | {
      readonly kind: "status";
      readonly when: "before" | "after";
      readonly status: number;
      readonly retryAfterSeconds?: number;
    }
  | { readonly kind: "reset"; readonly when: "before" | "lost" }
  | {
      readonly kind: "hang";
      readonly when: "before" | "lost";
      /** Unit: milliseconds; then the connection is reset. */ readonly ms: number;
    }
  | { readonly kind: "delay"; readonly ms: number };

/** One rule. A rule without `nth` hits every matching call. */
export interface FaultRule {
  readonly vendor: VendorName;
  /** Only for `origin`: the platform whose public side is meant, "koyeb" or "fly"; absent = any. */
  readonly platform?: string;
  /** Upper case; absent = any. */
  readonly method?: string;
  /** Regular expression on the path with query; absent = any. */
  readonly path?: string;
  /** Hits from the n-th matching call on, counted from 1. */
  readonly nth?: number;
  /** From then on only every so-many-th matching call; absent = each. */
  readonly every?: number;
  /** How many calls are hit; absent = all that follow. */
  readonly times?: number;
  readonly effect: FaultEffect;
}

/** One call as the vendor saw it. Never a header or a body. */
export interface Call {
  readonly vendor: VendorName;
  readonly method: string;
  readonly path: string;
  /** 0 while under way, or when no answer was sent. */
  status: number;
  /** The caller hung up before it had its answer. */
  gone: boolean;
  /** False when no route of the emulator fits: the caller met something that is not imitated. */
  known: boolean;
}

interface Armed {
  readonly id: number;
  readonly rule: FaultRule;
  readonly path: RegExp | null;
  seen: number;
  hits: number;
}

/** The rules in force and the log of calls. */
export class Faults {
  readonly calls: Call[] = [];
  #armed: Armed[] = [];
  #next = 1;
  #listeners = new Set<(call: Call) => void | Promise<void>>();

  /** @returns the id for {@link Faults.remove}. @throws {SyntaxError} when `rule.path` is no regular expression. */
  add(rule: FaultRule): number {
    const id = this.#next++;
    this.#armed.push({ id, rule, path: rule.path === undefined ? null : new RegExp(rule.path), seen: 0, hits: 0 });
    return id;
  }
  remove(id: number): void {
    this.#armed = this.#armed.filter((armed) => armed.id !== id);
  }
  clear(): void {
    this.#armed = [];
  }
  list(): readonly { readonly id: number; readonly rule: FaultRule; readonly seen: number; readonly hits: number }[] {
    return this.#armed.map(({ id, rule, seen, hits }) => ({ id, rule, seen, hits }));
  }
  /** Called for every call of every vendor, before it is served. A call to a platform's API is held until what it returns has settled. */
  onCall(listener: (call: Call) => void | Promise<void>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Counts a call against the rules and says which effects apply, in the order in which the rules were added. */
  record(
    vendor: VendorName,
    method: string,
    path: string,
    platform?: string,
  ): { readonly call: Call; readonly effects: readonly FaultEffect[]; readonly held: Promise<unknown> } {
    const call: Call = { vendor, method, path, status: 0, gone: false, known: true };
    // Traffic through the gateway is counted by the load generator; keeping each call would only fill the memory.
    if (vendor !== "gateway" && vendor !== "origin") this.calls.push(call);
    const held = Promise.allSettled([...this.#listeners].map(async (listener) => listener(call)));
    const effects: FaultEffect[] = [];
    for (const armed of this.#armed) {
      const { rule } = armed;
      if (rule.vendor !== vendor || (rule.method !== undefined && rule.method !== method)) continue;
      if (rule.platform !== undefined && rule.platform !== platform) continue;
      if (armed.path && !armed.path.test(path)) continue;
      armed.seen++;
      const late = armed.seen - (rule.nth ?? 1);
      if (late < 0 || late % (rule.every ?? 1) !== 0 || armed.hits >= (rule.times ?? Number.POSITIVE_INFINITY))
        continue;
      armed.hits++;
      effects.push(rule.effect);
    }
    return { call, effects, held };
  }
}
