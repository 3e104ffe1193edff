/** What happened when, as lanes of spans: pure bookkeeping of observed states. Times are milliseconds since the recording began. */
import type { SlotReport } from "../../contract/slots.ts";
import type { Activity } from "../processes/instance-view.ts";

/** One observed state of one party. Kids are public names; never a value. */
export interface PartyState {
  readonly activity: Activity;
  /** Gateway: the kid it sends; null without a usable one. Absent for everybody else. */
  readonly sends?: string | null;
  /** Origins and vaults: what the slots hold. Absent while unknown. */
  readonly slots?: { readonly a: SlotReport; readonly b: SlotReport };
  /** What was rolled out: a Worker version, a deployment, a Machine version. Shortened for display. */
  readonly rollout?: string;
}
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly state: PartyState;
}
/** Who is observed. */
export interface Party {
  readonly group: "GitHub" | "Cloudflare" | "Koyeb" | "Fly.io";
  /** Unique within the recording. */
  readonly id: string;
  readonly title: string;
}
export interface Lane extends Party {
  readonly spans: readonly Span[];
}
/** A named stretch of time: a step of the rotation, an active scenario. */
export interface Step {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}
/** Traffic within one bin. Latencies are 0 where none was measured. Unit: milliseconds. */
export interface Sample {
  readonly atMs: number;
  readonly sent: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
/** A whole recording, or the part of one that is kept. */
export interface TimelineData {
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly binMs: number;
  readonly lanes: readonly Lane[];
  readonly steps: readonly Step[];
  readonly samples: readonly Sample[];
}

interface OpenLane extends Party {
  readonly spans: Span[];
  open: { readonly fromMs: number; readonly key: string; readonly state: PartyState } | null;
}

/** Turns repeated observations into spans. */
export class Recorder {
  readonly startedAt: string;
  readonly #lanes = new Map<string, OpenLane>();
  readonly #steps: Step[] = [];
  readonly #samples: Sample[] = [];
  #step: { readonly name: string; readonly fromMs: number } | null = null;

  constructor(startedAt: Date) {
    this.startedAt = startedAt.toISOString();
  }

  /** Everybody who is there at `atMs`; whoever is missing is gone. */
  observe(atMs: number, present: readonly (readonly [Party, PartyState])[]): void {
    const seen = new Set<string>();
    for (const [party, state] of present) {
      seen.add(party.id);
      const lane = this.#lanes.get(party.id) ?? { ...party, spans: [], open: null };
      this.#lanes.set(party.id, lane);
      const key = JSON.stringify(state);
      if (lane.open?.key === key) continue;
      if (lane.open && learned(lane.open.state, state)) {
        lane.open = { fromMs: lane.open.fromMs, key, state };
        continue;
      }
      close(lane, atMs);
      lane.open = { fromMs: atMs, key, state };
    }
    for (const lane of this.#lanes.values()) if (!seen.has(lane.id)) close(lane, atMs);
  }

  /** A step begins, and the one before it ends. Null = none is under way any more. */
  step(atMs: number, name: string | null): void {
    if (this.#step) this.#steps.push({ ...this.#step, toMs: atMs });
    this.#step = name === null ? null : { name, fromMs: atMs };
  }

  sample(sample: Sample): void {
    this.#samples.push(sample);
  }

  /** Drops what ended before `atMs`. */
  forget(atMs: number): void {
    for (const lane of this.#lanes.values()) {
      const kept = lane.spans.findIndex((span) => span.toMs >= atMs);
      lane.spans.splice(0, kept === -1 ? lane.spans.length : kept);
      if (lane.spans.length === 0 && !lane.open) this.#lanes.delete(lane.id);
    }
    while ((this.#samples[0]?.atMs ?? atMs) < atMs) this.#samples.shift();
    while ((this.#steps[0]?.toMs ?? atMs) < atMs) this.#steps.shift();
  }

  /** The recording from `fromMs` to `toMs`, lanes in the order in which they appeared. */
  data(fromMs: number, toMs: number, binMs: number): TimelineData {
    const within = <T extends { readonly fromMs: number; readonly toMs: number }>(spans: readonly T[]): T[] =>
      spans
        .filter((span) => span.toMs > fromMs && span.fromMs < toMs)
        .map((span) => ({ ...span, fromMs: Math.max(fromMs, span.fromMs), toMs: Math.min(toMs, span.toMs) }));
    const lanes = [...this.#lanes.values()].map(({ group, id, title, spans, open }) => ({
      group,
      id,
      title,
      spans: within(open ? [...spans, { fromMs: open.fromMs, toMs, state: open.state }] : spans),
    }));
    return {
      startedAt: this.startedAt,
      fromMs,
      toMs,
      binMs,
      lanes: lanes.filter((lane) => lane.spans.length > 0),
      steps: within(this.#step ? [...this.#steps, { ...this.#step, toMs }] : this.#steps),
      samples: this.#samples.filter((sample) => sample.atMs >= fromMs && sample.atMs <= toMs),
    };
  }
}

/** True when `next` only adds the kids that were not known yet: a process has had its secrets since it began. */
function learned(before: PartyState, next: PartyState): boolean {
  if (before.sends !== undefined || before.slots) return false;
  return before.activity === next.activity && before.rollout === next.rollout && before.rollout !== undefined;
}

function close(lane: OpenLane, atMs: number): void {
  if (lane.open && lane.open.fromMs < atMs)
    lane.spans.push({ fromMs: lane.open.fromMs, toMs: atMs, state: lane.open.state });
  lane.open = null;
}
