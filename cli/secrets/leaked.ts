/** What leaked, and where it sits: all that an emergency has to know before its first write. Reads only. */
import type { SlotName } from "../../contract/gateway-secret.ts";
import { slotOf } from "../../contract/slots.ts";
import { slotAtOrigins, type Observation } from "./observation.ts";
import { phaseOf } from "./phase.ts";
import type { Run } from "./run.ts";

/** So long is waited for a party before anything is written. Unit: milliseconds. */
const LOOK_MS = 5000;

/** Where the Worker sends something else, what the origins accept is what leaked. */
export function leakedKid(before: Observation, mode: "fast" | "now"): string | null {
  const phase = phaseOf(before);
  if (phase.name === "ASTRAY") return phase.other;
  // `now` kills although nothing is known of the Worker: at the origins both slots are overwritten.
  return phase.live ?? (mode === "now" && before.worker.blind !== null ? before.journal.live : null);
}

/** The slot in which the leaked secret sits, as far as anybody shows it. */
async function slotOfLeaked(run: Run, { origins }: Observation, kid: string): Promise<SlotName | null> {
  const seen = slotAtOrigins(origins, kid);
  if (seen !== null) return seen;
  const kids = await Promise.all(run.origins.map(async (origin) => (await origin.peek?.().catch(() => null)) ?? null));
  return kids.map((held) => held && slotOf(held, kid)).find((slot) => slot !== null) ?? null;
}

/**
 * What an emergency has to know to begin: which secret, and in which slot. A rollout of somebody else that is under way, or a platform
 * that is silent, is not waited for, unless it alone can tell.
 */
export async function lookNow(
  run: Run,
  mode: "fast" | "now",
): Promise<{ readonly before: Observation; readonly slot: SlotName | null }> {
  const quick = await run.observe({ withinMs: LOOK_MS });
  const leaked = leakedKid(quick, mode);
  const slot = leaked === null ? null : await slotOfLeaked(run, quick, leaked);
  if (leaked !== null && (slot !== null || mode === "now")) return { before: quick, slot };
  const before = await run.observe();
  const kid = leakedKid(before, mode);
  return { before, slot: kid === null ? null : slotAtOrigins(before.origins, kid) };
}
