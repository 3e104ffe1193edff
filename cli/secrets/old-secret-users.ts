/**
 * Who still uses the old secret while it drains. Three verdicts: certainly somebody else (the origin's platform attests a peer outside the
 * gateway's platform), certainly the gateway (it answers with the old version), or not to be told: that one is never called a leak,
 * because an edge location that lags and a stranger on the same platform look alike.
 */
import { McpistError } from "../errors.ts";
import type { Hint } from "../hints/hint.ts";
import { HINTS } from "../hints/hints.ts";
import type { Observation } from "./observation.ts";

/** What was seen of the old secret's users. */
export interface Users {
  readonly verdict: "foreign" | "ours" | "unknown";
  /** One sentence each. */
  readonly evidence: readonly string[];
}

/** What a run has seen of the gateway itself during the drain. Unit: seconds. */
export interface GatewaySeen {
  /** How long ago it answered with a version that sends the old secret; null = it did not. */
  readonly oldAgeSeconds: number | null;
}

const ago = (seconds: number): string => (seconds === 1 ? "1 second ago" : `${seconds} seconds ago`);

/**
 * Judges from the newest look.
 * @param recentSeconds uses that are older are over.
 */
export function usersOf(
  { origins }: Pick<Observation, "origins">,
  kids: { readonly old: string; readonly live: string },
  gateway: GatewaySeen,
  recentSeconds: number,
): Users {
  const evidence: string[] = [];
  let foreign = false;
  for (const { name, look } of origins) {
    if (!look.ok) continue;
    // A platform that shows the gateway's own requests as coming from outside attests nothing.
    const attests = look.instances.every(({ peers }) => (peers?.[kids.live]?.outside ?? null) === null);
    for (const instance of look.instances) {
      const last = instance.lastAccepted[kids.old] ?? null;
      if (last === null || last > recentSeconds) continue;
      const seen = instance.peers?.[kids.old];
      const outside = seen?.outside ?? null;
      const inside = instance.peers?.[kids.live]?.inside ?? null;
      const certain = outside !== null && outside <= recentSeconds && attests && inside !== null;
      foreign ||= certain;
      evidence.push(
        certain
          ? `${name} instance ${instance.id} accepted it ${ago(outside)} from outside the gateway's platform (${seen?.outsideCount ?? 0} times since it started)`
          : `${name} instance ${instance.id} accepted it ${ago(last)}, and it cannot be told from whom`,
      );
    }
  }
  const { oldAgeSeconds } = gateway;
  const ours = oldAgeSeconds !== null && oldAgeSeconds <= recentSeconds;
  if (ours)
    evidence.push(`the gateway itself answered with the old version ${ago(oldAgeSeconds)}: an edge location lags`);
  return { verdict: foreign ? "foreign" : ours ? "ours" : "unknown", evidence };
}

const WAY_OUT: Readonly<Record<Users["verdict"], () => Hint>> = {
  foreign: HINTS.leaked,
  ours: HINTS.edgeLags,
  unknown: HINTS.whoUses,
};

/** The end of a drain that found no end. */
export function stillInUse(old: string, seconds: number, { verdict, evidence }: Users): McpistError {
  return new McpistError(
    "ERR_PARTIAL",
    `the old secret ${old} is still in use after ${seconds} s; both secrets stay valid: ${evidence.join("; ") || "no instance has been quiet for long enough"}`,
    { hint: WAY_OUT[verdict]() },
  );
}
