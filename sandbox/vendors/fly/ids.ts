/** Ids as Fly.io makes them. */
import { randomBytes } from "node:crypto";

/** 14 hex characters, as Machine ids look. */
export const machineId = (): string => randomBytes(7).toString("hex");
/** 26 characters, sortable by time: the id of a Machine's version. */
export function versionId(now: Date): string {
  const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  let time = "";
  for (let rest = now.getTime(), i = 0; i < 10; i++, rest = Math.floor(rest / 32))
    time = (alphabet[rest % 32] ?? "0") + time;
  return time + Array.from(randomBytes(16), (byte) => alphabet[byte % 32]).join("");
}
