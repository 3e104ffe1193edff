/**
 * Whose slot somebody else has written since this run did. Every instance was rolled out before, so what a run waits for there never
 * comes. Pure.
 */
import type { SlotName } from "../../contract/gateway-secret.ts";
import type { Observation } from "./observation.ts";

/**
 * Parties whose `slot` is certainly not `wanted` (a kid or a tombstone): deleted, something else, or newer than what the newest
 * instance has booted with.
 */
export function overwritten({ origins, vault }: Observation, slot: SlotName, wanted: string): readonly string[] {
  const taken = origins.filter(({ state, look }) => {
    if (state === "quarantined" || !look.ok || look.slots === undefined) return false;
    return look.instances.some(({ newest }) => newest) && look.slots[slot] !== wanted;
  });
  return [...taken.map(({ name }) => name), ...(vault[slot] === wanted ? [] : ["GitHub"])];
}
