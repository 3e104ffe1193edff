/** Module `time`: the current time and conversion between time zones. No network, no state. */
import { z } from "zod";
import { tool, ToolError, type Module } from "./module.ts";

const zone = z.string().min(1).max(64).describe('IANA time zone, for example "Asia/Tokyo" or "UTC"');

/** Making a formatter costs a hundred times what using it costs, and much memory outside the heap. */
const formatters = new Map<string, Intl.DateTimeFormat>();
/** There are some 600 zones, but callers may spell each in many ways. */
const MAX_FORMATTERS = 100;

/** @throws {@link ToolError} on an unknown zone. */
function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known) return known;
  let formatter: Intl.DateTimeFormat;
  try {
    formatter = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      timeZoneName: "longOffset",
    });
  } catch {
    throw new ToolError("this time zone is not known");
  }
  if (formatters.size >= MAX_FORMATTERS) formatters.clear();
  formatters.set(timeZone, formatter);
  return formatter;
}

/** RFC 3339 text of `instant` in `timeZone`, for example 2026-11-22T21:00:00+09:00. @throws {@link ToolError} on an unknown zone. */
export function inZone(instant: Date, timeZone: string): string {
  const parts = formatterOf(timeZone).formatToParts(instant);
  const get = (type: Intl.DateTimeFormatPartTypes): string => parts.find((part) => part.type === type)?.value ?? "";
  const offset = get("timeZoneName").replace("GMT", "");
  const date = `${get("year").padStart(4, "0")}-${get("month")}-${get("day")}`;
  return `${date}T${get("hour")}:${get("minute")}:${get("second")}${offset === "" ? "Z" : offset}`;
}

/** The module. */
export const time: Module = {
  name: "time",
  description: "Current time and time zone conversion",
  network: false,
  scopes: [],
  tools: [
    tool({
      name: "now",
      description: "The current time in a time zone (default UTC)",
      input: z.strictObject({ timezone: zone.default("UTC") }),
      readOnly: true,
      idempotent: true,
      destructive: false,
      run: async ({ timezone }, { now }) => {
        const instant = now();
        return { time: inZone(instant, timezone), timezone, unixMs: instant.getTime() };
      },
    }),
    tool({
      name: "convert",
      description: "The same instant in another time zone",
      input: z.strictObject({
        time: z.iso.datetime({ offset: true }).describe("RFC 3339 with offset, for example 2026-11-22T12:00:00Z"),
        timezone: zone,
      }),
      readOnly: true,
      idempotent: true,
      destructive: false,
      run: async ({ time: text, timezone }) => {
        const instant = new Date(text);
        return { time: inZone(instant, timezone), timezone, unixMs: instant.getTime() };
      },
    }),
  ],
};
