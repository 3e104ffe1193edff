/**
 * What the Machines of a Fly app show of its secrets: no call tells a value's kid, so a Machine is looked for that is known to have
 * booted from the secrets as they are now. Pure.
 */
import { SLOT_VARIABLES, type SlotName } from "../../contract/gateway-secret.ts";
import { isRecord } from "../../contract/json.ts";
import type { KidsReport } from "../../contract/slots.ts";
import { MARK } from "./fly-machine.ts";
import { textAt, type Json } from "./json.ts";
import type { InstanceView, Stamps, VaultSlots } from "./types.ts";

/** A secret as the list has it. */
export interface FlySecret {
  readonly digest: string;
  /** By Fly's clock; NaN when it is not told. Unit: milliseconds since 1970. */
  readonly updatedAt: number;
}

/** Digests of both slots as one text: what {@link MARK} says of a Machine that booted from them. */
export const digestsOf = (known: ReadonlyMap<string, FlySecret>): string =>
  [SLOT_VARIABLES.a, SLOT_VARIABLES.b].map((name) => known.get(name)?.digest ?? "-").join(".");

/** What tells that another secret was written: its digest. */
export const stampsOf = (known: ReadonlyMap<string, FlySecret>): Stamps =>
  Object.fromEntries([...known].map(([name, { digest }]) => [name, digest]));

/** Kids of a Machine that is known to have booted from the secrets as they are now; null when there is none. */
export function configOf(
  list: readonly Json[],
  views: readonly InstanceView[],
  known: ReadonlyMap<string, FlySecret>,
  digests: string,
): KidsReport | null {
  const writtenAt = Math.max(
    ...[SLOT_VARIABLES.a, SLOT_VARIABLES.b].map((name) => known.get(name)?.updatedAt ?? Number.NaN),
  );
  for (const machine of list) {
    const seen = views.find((view) => view.id === machine["id"]);
    if (!seen?.newest) continue;
    const marked = markOf(machine);
    if (marked !== undefined) {
      if (marked === digests) return seen.kids;
      continue;
    }
    // A Machine that Terraform made or changed carries no mark: it booted after the secrets if its version is newer than they
    // are (both Fly's times). `updated_at` would not do: it moves when a suspended memory image is resumed.
    if (versionTime(textAt(machine, "instance_id", "a Fly Machine")) >= writtenAt) return seen.kids;
  }
  return null;
}

/** The secrets slot by slot: what a Machine took that booted while the slot was as it is now; null = there is no such secret. */
export function slotsOf(
  list: readonly Json[],
  views: readonly InstanceView[],
  known: ReadonlyMap<string, FlySecret>,
): VaultSlots {
  const slotOf = (slot: SlotName): VaultSlots[SlotName] => {
    const secret = known.get(SLOT_VARIABLES[slot]);
    if (!secret) return null;
    for (const machine of list) {
      const seen = views.find((view) => view.id === machine["id"]);
      if (!seen?.newest || "legacy" in seen.kids) continue;
      const marked = markOf(machine)?.split(".")[slot === "a" ? 0 : 1];
      const booted =
        marked === undefined
          ? versionTime(textAt(machine, "instance_id", "a Fly Machine")) >= secret.updatedAt
          : marked === secret.digest;
      if (booted) return seen.kids[slot];
    }
    return "unknown";
  };
  return { a: slotOf("a"), b: slotOf("b") };
}

/** Digests that mcpist noted at the Machine's last update; undefined where it made none. */
function markOf(machine: Json): string | undefined {
  const config = isRecord(machine["config"]) ? machine["config"] : {};
  const metadata = isRecord(config["metadata"]) ? config["metadata"] : {};
  return typeof metadata[MARK] === "string" ? metadata[MARK] : undefined;
}

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** When a Machine version was made: its id is a ULID, whose first ten characters are milliseconds since 1970. NaN for any other id. */
export function versionTime(instanceId: string): number {
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i.test(instanceId)) return Number.NaN;
  return Array.from(instanceId.slice(0, 10).toUpperCase()).reduce(
    (time, digit) => time * 32 + CROCKFORD.indexOf(digit),
    0,
  );
}
