/** Which slot holds which kid, as origins report it. Never a secret. */
import { isKid, type SlotName } from "./gateway-secret.ts";
import { isRecord } from "./json.ts";

/** Content of a slot as reported: a kid, `revoked:<kid>`, or null for a slot that is unset. */
export type SlotReport = string | null;
/** The slots of an origin, or the lone legacy variable. */
export type KidsReport = { readonly a: SlotReport; readonly b: SlotReport } | { readonly legacy: string };
function parseSlotReport(value: unknown): SlotReport | undefined {
  if (value === null) return null;
  if (typeof value !== "string") return undefined;
  return isKid(value.startsWith("revoked:") ? value.slice("revoked:".length) : value) ? value : undefined;
}

/** @returns undefined when `value` is not what an origin reports about its slots. */
export function parseKids(value: unknown): KidsReport | undefined {
  if (!isRecord(value)) return undefined;
  if ("legacy" in value)
    return typeof value["legacy"] === "string" && isKid(value["legacy"]) ? { legacy: value["legacy"] } : undefined;
  const a = parseSlotReport(value["a"]);
  const b = parseSlotReport(value["b"]);
  return a === undefined || b === undefined ? undefined : { a, b };
}

/** The slot that holds `kid` itself, not its tombstone; null = neither does. */
export function slotOf(kids: KidsReport, kid: string): SlotName | null {
  if ("legacy" in kids) return null;
  return kids.a === kid ? "a" : kids.b === kid ? "b" : null;
}

/** The kids that an instance with these slots accepts. */
export function acceptedKids(kids: KidsReport): readonly string[] {
  if ("legacy" in kids) return [kids.legacy];
  return [kids.a, kids.b].filter((slot): slot is string => slot !== null && isKid(slot));
}
