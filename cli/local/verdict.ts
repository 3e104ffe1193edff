/** What a demo or a rehearsal showed. Pure. The proof and the traffic are judged apart: a slow machine is no broken rotation. */
import type { Environment } from "../../contract/config.ts";
import type { TrafficReport } from "../../sandbox/load/traffic.ts";
import { allAnswered, type Statuses } from "./proof.ts";

/** Every origin asked directly, with each secret. */
export interface Proof {
  readonly oldSecret: Statuses;
  readonly newSecret: Statuses;
  readonly noSecret: Statuses;
}

/** `slow` = the rotation is proven, and this machine explains every request that failed. */
export type VerdictKind = "worked" | "slow" | "requests-failed" | "failed";

/** Short lines for a person; the first one says it all. */
export interface Verdict {
  readonly kind: VerdictKind;
  readonly ok: boolean;
  readonly lines: readonly [string, ...string[]];
}

/** What traffic is judged by. */
export type Judged = Pick<TrafficReport, "sent" | "failed" | "slow" | "ratePerSecond">;

/** True when the old secret is dead, the new one alive, and nothing gets in without one. */
const isProven = ({ oldSecret, newSecret, noSecret }: Proof): boolean =>
  allAnswered(oldSecret, 403) && allAnswered(newSecret, 200) && allAnswered(noSecret, 403);

/** As much of an origin as says how many serve while one of its instances boots. */
type Served = Pick<Environment["origins"][number], "name" | "state" | "kind"> & { readonly machines?: number };

/** The one origin that serves, where it is one Fly Machine: a rollout boots it in place, and meanwhile nobody answers. Else null. */
export function loneOrigin(origins: readonly Served[]): string | null {
  const [only, ...others] = origins.filter(({ state }) => state === "pool");
  return only?.kind === "fly" && only.machines === 1 && others.length === 0 ? only.name : null;
}

/**
 * @param askedRate what was to be sent. Unit: requests per second.
 * @param lone {@link loneOrigin}
 */
export function verdictOf(
  rotated: boolean,
  proof: Proof,
  traffic: Judged,
  askedRate: number,
  lone: string | null = null,
): Verdict {
  const { sent, failed, slow, ratePerSecond } = traffic;
  const lowered =
    ratePerSecond < askedRate
      ? [`This machine was too slow for ${askedRate} requests/s: the demo went down to ${ratePerSecond}/s.`]
      : [];
  if (!rotated || !isProven(proof))
    return {
      kind: "failed",
      ok: false,
      lines: [rotated ? "The rotation ended, but its proof is not complete." : "It did not work.", ...lowered],
    };
  if (failed === 0) return { kind: "worked", ok: true, lines: ["It worked.", ...lowered] };
  if (failed === slow)
    return {
      kind: "slow",
      ok: true,
      lines: [
        "The rotation worked; this machine was too slow for the traffic.",
        `${failed} of ${sent} requests were not answered in time while nothing was idle here.`,
        ...lowered,
      ],
    };
  return {
    kind: "requests-failed",
    ok: false,
    lines: [
      `The rotation worked, but ${failed - slow} of ${sent} requests failed.`,
      ...(lone === null
        ? []
        : [`${lone} is one Machine and alone in the pool: "machines: 2", or another origin, serves while it boots.`]),
      ...(slow > 0 ? [`${slow} more were not answered in time: this machine was too slow for them.`] : []),
      ...lowered,
    ],
  };
}
