/** Everything that `secrets verify` calls off, from one observation. Pure. "In sync" needs evidence: what is missing is drift. */
import { isKid } from "../../contract/gateway-secret.ts";
import { acceptedKids, type KidsReport } from "../../contract/slots.ts";
import type { Observation } from "./observation.ts";
import type { Phase } from "./phase.ts";

/** One thing that is off. */
export interface Drift {
  readonly party: string;
  readonly kid: string | null;
  readonly what: string;
}

const sameKids = (one: KidsReport, other: KidsReport): boolean =>
  acceptedKids(one).toSorted().join() === acceptedKids(other).toSorted().join();

/** @param extra what the observation does not hold: the live variable and whether the journal exists. */
export function driftOf(
  observation: Observation,
  phase: Phase,
  extra: { readonly liveVariable: string | null; readonly journalExists: boolean; readonly overdue: boolean },
): readonly Drift[] {
  const found: Drift[] = [];
  const add = (party: string, kid: string | null, what: string) => found.push({ party, kid, what });
  if (phase.name !== "STEADY") {
    const parties = phase.parties.length > 0 ? phase.parties : ["installation"];
    for (const party of parties) add(party, phase.other, `phase ${phase.name}`);
  }
  if (phase.name !== "UNSET" && phase.uploadDiffers)
    add("worker", phase.live, "the latest uploaded version does not carry the live secret");
  if (!extra.journalExists) add("github", null, "the rotation ref is missing, so what GitHub holds is unknown");
  else
    for (const slot of ["a", "b"] as const)
      if (observation.vault[slot] === "unknown")
        add("github", null, `slot ${slot} was written after the journal's last entry`);
  const liveKid = extra.liveVariable?.split(":")[1] ?? null;
  if (phase.live !== null && liveKid !== phase.live)
    add("github", liveKid, "GATEWAY_SECRET_LIVE does not name the secret that the Worker sends");
  for (const origin of observation.origins) {
    if (!origin.look.ok) continue;
    // A joining origin has no part in the phase until it accepts the live secret; what else it accepts is off all the same.
    const strange = origin.state === "joining" ? origin.look.instances.flatMap(({ kids }) => acceptedKids(kids)) : [];
    for (const kid of new Set(strange))
      if (kid !== phase.live) add(origin.name, kid, "it is joining and accepts a secret that is not the live one");
    for (const { id, kids } of origin.look.instances) {
      if ("a" in kids && kids.a !== null && isKid(kids.a) && kids.a === kids.b)
        add(`${origin.name} instance ${id}`, kids.a, "both slots hold the same secret");
      if (origin.look.config && !sameKids(kids, origin.look.config))
        add(`${origin.name} instance ${id}`, null, "its running secrets differ from its configuration");
    }
  }
  const { emergency } = observation.journal;
  if (emergency)
    add("installation", emergency.kid, `an emergency for it (--emergency ${emergency.mode}) has not ended`);
  if (extra.overdue) add("installation", phase.live, "the secret is older than maxSecretAge");
  return found;
}
