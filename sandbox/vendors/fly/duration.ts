/** Durations as Fly's API writes them, which are Go's: the vendor's client turns 65s into 1m5s when it writes a Machine. */

const GO_DURATION = /^(?:(\d{1,3})h)?(?:(\d{1,4})m)?(?:(\d{1,5})s)?$/;

/** @returns milliseconds; null for what is no duration of hours, minutes and seconds. */
export function durationMs(text: string): number | null {
  const parts = GO_DURATION.exec(text);
  if (text === "" || parts === null) return null;
  const [hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0));
  return (((hours ?? 0) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000;
}
