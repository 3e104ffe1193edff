/** `GET /.well-known/mcpist/gateway`: which kids this instance accepts. Open to everyone, never a secret, never changes what it reports. */
import type { Marks } from "../../contract/marks.ts";
import type { OriginObservation } from "../../contract/observation.ts";
import { presents, type Gate } from "./verify.ts";

/** Anonymous observations per second, and at once. Rotations present the secret and are not limited. */
const OBSERVE_PER_SECOND = 50;
export const OBSERVE_BURST = 100;

/** Answers observations. */
export interface Observer {
  /** @returns null when the caller must wait a second. */
  observe(rawHeaders: readonly string[]): OriginObservation | null;
}

/** Who is observed. */
export interface Observed {
  readonly instanceId: string;
  readonly deployment: string;
  readonly marks: Marks;
}

/** Builds the observer. `now`: monotonic, milliseconds. */
export function createObserver(gate: Gate, { instanceId, deployment, marks }: Observed, now: () => number): Observer {
  const interval = 1000 / OBSERVE_PER_SECOND;
  let arrival = Number.NEGATIVE_INFINITY;
  return {
    observe(rawHeaders) {
      const accepted = presents(rawHeaders) ? gate.check(rawHeaders).accepted : undefined;
      if (accepted !== true) {
        const at = now();
        const next = Math.max(arrival, at);
        if (next - at > interval * (OBSERVE_BURST - 1)) return null;
        arrival = next + interval;
      }
      return {
        role: "origin",
        instanceId,
        deployment,
        kids: gate.kids,
        lastAccepted: gate.lastAccepted(),
        marks,
        peers: gate.peers(),
        ...(accepted === undefined ? {} : { accepted }),
      };
    },
  };
}
