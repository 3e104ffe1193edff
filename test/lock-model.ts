/**
 * Model of the lock under an emergency, checked exhaustively: a run with two parallel branches that holds the lock and may be paused
 * at any point, and an emergency that takes it, kills, looks until the holder's longest write must have ended, and says that it is
 * done. Promise: from then on nothing that the holder wrote is left anywhere, whenever it wakes.
 *
 * One tick is half of the longest write. A look and what it buries are one step; calls fail and are repeated only within their time.
 */

/** How the tool behaves; the tool as it is: {@link AS_IT_IS}. */
export interface Variant {
  /** A write is sent within this time after its guard, or not at all. Unit: ticks; Infinity = whenever the process wakes. */
  readonly longestWrite: number;
  /** The emergency looks for so long after the takeover. Unit: ticks. */
  readonly looksFor: number;
  /** What a guard does in a run that has seen that its lock is lost. */
  readonly afterLoss: "throws" | "passes";
  /** The emergency changes the lock only from what it saw. */
  readonly comparesLock: boolean;
}

export const AS_IT_IS: Variant = { longestWrite: 2, looksFor: 3, afterLoss: "throws", comparesLock: true };

/** A branch of the holder: how many writes are left, and the age of one that a guard allowed (ticks; null = none). */
interface Branch {
  readonly left: number;
  readonly allowed: number | null;
}
interface State {
  readonly owner: "holder" | "emergency";
  /** Some branch of the holder has seen that the lock is lost. */
  readonly lossSeen: boolean;
  readonly branches: readonly Branch[];
  /** Ticks since the takeover; null before it. */
  readonly since: number | null;
  readonly killed: boolean;
  readonly done: boolean;
  /** Something of the holder is in force. */
  readonly dirty: boolean;
}

const START: State = {
  owner: "holder",
  lossSeen: false,
  branches: [
    { left: 2, allowed: null },
    { left: 1, allowed: null },
  ],
  since: null,
  killed: false,
  done: false,
  dirty: false,
};

type Step = readonly [label: string, next: State];

function* holderSteps(state: State, variant: Variant): Generator<Step> {
  for (const [i, branch] of state.branches.entries()) {
    const become = (next: Branch): readonly Branch[] => state.branches.with(i, next);
    const me = `branch ${i + 1}`;
    if (branch.allowed !== null)
      yield [`${me} writes`, { ...state, dirty: true, branches: become({ ...branch, allowed: null }) }];
    else if (branch.left > 0) {
      const passes = state.owner === "holder" || (state.lossSeen && variant.afterLoss === "passes");
      const next = passes ? { left: branch.left - 1, allowed: 0 } : { left: 0, allowed: null };
      yield [
        `${me}: guard ${passes ? "passes" : "throws"}`,
        { ...state, lossSeen: state.lossSeen || !passes, branches: become(next) },
      ];
    }
  }
}

function* emergencySteps(state: State, { looksFor }: Variant): Generator<Step> {
  if (state.done) return;
  if (state.since === null) yield ["emergency takes the lock", { ...state, owner: "emergency", since: 0 }];
  else if (!state.killed) yield ["emergency kills", { ...state, killed: true, dirty: false }];
  else if (state.since < looksFor) yield ["emergency looks and buries", { ...state, dirty: false }];
  else yield ["emergency looks a last time, done", { ...state, dirty: false, done: true }];
}

/** Time passes for everybody, whoever is paused meanwhile. */
function tick(state: State, { longestWrite }: Variant): Step {
  const age = ({ left, allowed }: Branch): Branch => {
    if (allowed === null || longestWrite === Number.POSITIVE_INFINITY) return { left, allowed };
    return { left, allowed: allowed + 1 > longestWrite ? null : allowed + 1 };
  };
  // Beyond this nothing depends on it any more.
  const since = state.since === null ? null : Math.min(state.since + 1, 9);
  return ["time passes", { ...state, since, branches: state.branches.map(age) }];
}

/** An entry of the holder's journal that overwrites a lock that was taken meanwhile: only where nobody compares. */
function* unfencedSteps(state: State, { comparesLock }: Variant): Generator<Step> {
  if (!comparesLock && state.owner === "emergency" && !state.lossSeen)
    yield ["the holder's entry takes the lock back", { ...state, owner: "holder" }];
}

/** What the search found: the shortest way to a broken promise; null when there is none. */
export interface Verdict {
  readonly states: number;
  readonly trace: readonly string[] | null;
}

/** Visits every state. */
export function checkLock(variant: Variant): Verdict {
  const key = (state: State): string => JSON.stringify(state);
  const ways = new Map<string, readonly string[]>([[key(START), []]]);
  const queue: State[] = [START];
  for (let at = 0; at < queue.length; at++) {
    const state = queue[at] as State;
    const way = ways.get(key(state)) ?? [];
    const steps = [
      ...holderSteps(state, variant),
      ...emergencySteps(state, variant),
      ...unfencedSteps(state, variant),
      tick(state, variant),
    ];
    for (const [label, next] of steps) {
      if (ways.has(key(next))) continue;
      const longer = [...way, label];
      if (next.done && next.dirty) return { states: ways.size, trace: longer };
      ways.set(key(next), longer);
      queue.push(next);
    }
  }
  return { states: ways.size, trace: null };
}
