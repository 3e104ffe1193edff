/**
 * Who may be away as a whole. An origin whose only instance boots in place serves nobody meanwhile, and the gateway asks at most two
 * origins for a request, in the order of the pool. So only a part of the pool is away at a time, two of the pool are there between any
 * two that are not, and nobody goes before those beside it have answered.
 */
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { OriginTarget } from "../targets/types.ts";

/** One of so many origins of the pool may be away, as of an app's Machines, and one in any case. */
const ONE_OF = 3;
/** The gateway asks two: as many are there between any two that are away. */
const APART = 3;
/** Between two looks. Unit: milliseconds. */
const POLL_MS = 1000;
/** So long is waited for those beside it to answer; then anybody else must. Unit: milliseconds. */
const ANSWERS_WITHIN_MS = 60_000;
/** The same where there is an end to the time: an emergency. */
const HURRY_MS = 5000;

/**
 * May `name` go away now?
 * @param pool names in the gateway's order. @param away who is away already; `name` itself does not count.
 */
export function mayLeave(pool: readonly string[], away: ReadonlySet<string>, name: string): boolean {
  const at = pool.indexOf(name);
  const others = [...away].filter((other) => other !== name);
  return (
    others.length < Math.max(1, Math.floor(pool.length / ONE_OF)) &&
    others.every((other) => Math.abs(pool.indexOf(other) - at) >= APART)
  );
}

/** It did not get its turn: the time that it had is over, or somebody else did not come back (its error is the cause). */
export class NoTurn extends Error {
  override readonly name = "NoTurn";
}

type Alone = Pick<OriginTarget, "name" | "peek">;

/** The turns of one run. */
export class Away {
  readonly #context: Pick<Context, "monotonic" | "sleep" | "waits" | "signal">;
  readonly #pool: readonly Alone[];
  readonly #away = new Set<string>();
  /** Those of them whose rollout failed, and how. */
  readonly #failed = new Map<string, unknown>();
  #change = Promise.withResolvers<void>();

  /** @param pool in the gateway's order. */
  constructor(context: Pick<Context, "monotonic" | "sleep" | "waits" | "signal">, pool: readonly Alone[]) {
    this.#context = context;
    this.#pool = pool;
  }

  /**
   * Does `work`, during which `origin` is away, when it is its turn. One whose work fails stays away until it answers.
   * @param until own monotonic time at which it no longer waits. @throws {NoTurn} before `work` has begun.
   * @throws {McpistError} ERR_UNREACHABLE when nobody else answers.
   */
  async during<T>(origin: Alone, work: () => Promise<T>, until = Number.POSITIVE_INFINITY): Promise<T> {
    const { name } = origin;
    this.#failed.delete(name);
    await this.#context.waits.during(
      () => (this.#mayLeave(name) ? null : `${name}: its turn, as ${[...this.#away][0] ?? "another one"} is away`),
      () => this.#turn(name, until),
    );
    try {
      await this.#answered(origin, until);
      if (this.#context.monotonic() >= until) throw new NoTurn("it took too long");
      const value = await work();
      this.#away.delete(name);
      return value;
    } catch (error) {
      if (error instanceof NoTurn) this.#away.delete(name);
      else this.#failed.set(name, error);
      throw error;
    } finally {
      this.#change.resolve();
      this.#change = Promise.withResolvers();
    }
  }

  #mayLeave(name: string): boolean {
    return mayLeave(
      this.#pool.map((origin) => origin.name),
      this.#away,
      name,
    );
  }

  /** Resolves when `name` counts as away. */
  async #turn(name: string, until: number): Promise<void> {
    const { monotonic, sleep, signal } = this.#context;
    while (!this.#mayLeave(name)) {
      const change = this.#change.promise;
      await this.#forget(name);
      const [failure] = this.#failed.values();
      signal.throwIfAborted();
      if (this.#failed.size > 0) throw new NoTurn("somebody did not come back", { cause: failure });
      if (monotonic() >= until) throw new NoTurn("it took too long");
      if (this.#mayLeave(name)) break;
      await (until === Number.POSITIVE_INFINITY ? change : Promise.race([change, sleep(POLL_MS)]));
    }
    this.#away.add(name);
  }

  /** One that failed and answers all the same is back. */
  async #forget(name: string): Promise<void> {
    for (const origin of this.#pool)
      if (origin.name !== name && this.#failed.has(origin.name) && (await answers(origin))) {
        this.#failed.delete(origin.name);
        this.#away.delete(origin.name);
      }
  }

  /**
   * Resolves when those have answered that a request may meet beside it: somebody else may be at work there. One that stays silent is
   * not waited for longer than there is time, if anybody answers; and where nobody else is in the pool there is nobody to ask.
   */
  async #answered({ name }: Alone, until: number): Promise<void> {
    const { monotonic, sleep, waits } = this.#context;
    if (!this.#pool.some((origin) => origin.name !== name)) return;
    const deadline = Math.min(until, monotonic() + ANSWERS_WITHIN_MS);
    const others = () => this.#pool.filter((origin) => origin.name !== name && !this.#away.has(origin.name));
    const at = this.#pool.findIndex((origin) => origin.name === name);
    // None of them is away: that is what it waited for.
    const beside = this.#pool.filter((_, i) => i !== at && Math.abs(i - at) < APART);
    const present = async (): Promise<boolean> => (await Promise.all(beside.map(answers))).every(Boolean);
    await waits.during(`those beside it: to answer, before ${name} is away`, async () => {
      const besideBy = Math.min(
        deadline,
        monotonic() + (until === Number.POSITIVE_INFINITY ? ANSWERS_WITHIN_MS : HURRY_MS),
      );
      for (;;) {
        const late = monotonic() >= besideBy;
        if (await present()) return;
        for (const origin of late ? others() : []) if (await answers(origin)) return;
        if (monotonic() >= deadline) break;
        await sleep(POLL_MS);
      }
      if (until !== Number.POSITIVE_INFINITY) throw new NoTurn("nobody else answers");
      const names = others().map((origin) => origin.name);
      throw new McpistError(
        "ERR_UNREACHABLE",
        `${names.join(", ")} does not answer, so the only instance of ${name} is not replaced`,
        { hint: HINTS.bringBack(names[0] ?? name) },
      );
    });
  }
}

/** An origin that cannot be asked is believed. */
const answers = async ({ peek }: Alone): Promise<boolean> =>
  peek === undefined || (await peek().catch(() => null)) !== null;
