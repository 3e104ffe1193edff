/** What the scanners have found, as it is handed to the evidence. Pure. */
import { z } from "zod";

const scan = z.strictObject({
  name: z.string(),
  /** As the tool says it; null where it could not be asked. */
  version: z.string().nullable(),
  /** `NOT RUN`: the tool is not here; never a pass. */
  result: z.enum(["PASSED", "FAILED", "NOT RUN"]),
  /** What was looked at: files, packages, commits. A scanner that looked at nothing has failed. */
  inspected: z.number().int().nonnegative(),
  /** Each line names a place and a rule, never a value. */
  findings: z.array(z.string()),
  /** What it has to flag in its known-bad input, and did. */
  flagged: z.array(z.string()),
  /** Why it was not run, or what it missed. */
  reason: z.string().nullable(),
});
const report = z.strictObject({ tree: z.string().regex(/^[0-9a-f]{64}$/), scans: z.array(scan) });

export type Scan = z.output<typeof scan>;
export type ScanReport = z.output<typeof report>;

/** @throws {z.ZodError} when it has another shape. */
export const readScanReport = (text: string): ScanReport => report.parse(JSON.parse(text));

/** The scans with one that has failed for each that has to be there and is not. */
export const complete = (scans: readonly Scan[], pinned: readonly string[]): readonly Scan[] => [
  ...scans,
  ...pinned
    .filter((name) => !scans.some((one) => one.name === name))
    .map((name): Scan => ({
      name,
      version: null,
      result: "FAILED",
      inspected: 0,
      findings: [],
      flagged: [],
      reason: "is not in the report",
    })),
];
