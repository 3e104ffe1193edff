/** How deeply data may be nested: what is deeper cannot be written out again by everybody, and a walk of it may end in a full stack. */

/** Of an answer. */
export const MAX_DEPTH = 256;

/** True for data that is nested at most `levels` deep. */
export function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((member) => isShallow(member, levels - 1));
}
