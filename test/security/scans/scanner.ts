/** How a scanner is run, and what makes its word count. Pure but for the scanner itself. */
import type { Scan } from "./report.ts";

/** What a scanner has seen. */
export interface Look {
  /** Files, packages or commits that it looked at. */
  readonly inspected: number;
  /** `place: rule`, never a value. */
  readonly findings: readonly string[];
}

export interface Scanner {
  readonly name: string;
  /** Why it cannot be run here; null = it can. */
  readonly absent: () => string | null;
  readonly version: () => string;
  readonly look: () => Look | Promise<Look>;
  /** What it has to flag in its known-bad input, and what it did. */
  readonly bad: () => Flagged | Promise<Flagged>;
}

export interface Flagged {
  readonly wanted: readonly string[];
  readonly flagged: readonly string[];
}

/** Runs one. @param required a scanner that is not here has failed: on CI nothing is passed over */
export async function scanWith(scanner: Scanner, required: boolean): Promise<Scan> {
  const absent = scanner.absent();
  const nothing = { name: scanner.name, version: null, inspected: 0, findings: [], flagged: [] };
  if (absent !== null) return { ...nothing, result: required ? "FAILED" : "NOT RUN", reason: absent };
  try {
    const version = scanner.version();
    const { wanted, flagged } = await scanner.bad();
    const { inspected, findings } = await scanner.look();
    const missed = wanted.filter((rule) => !flagged.includes(rule));
    const reason =
      missed.length > 0 || wanted.length === 0
        ? `does not flag its known-bad input: ${missed.join(", ")}`
        : inspected === 0
          ? "looked at nothing"
          : null;
    const passed = reason === null && findings.length === 0;
    return {
      name: scanner.name,
      version,
      result: passed ? "PASSED" : "FAILED",
      inspected,
      findings: [...findings],
      flagged: wanted.filter((rule) => flagged.includes(rule)),
      reason,
    };
  } catch (error) {
    return { ...nothing, result: "FAILED", reason: `broke off: ${error instanceof Error ? error.name : "unknown"}` };
  }
}

/** What no machine of ours can run, and why; each is a workflow or a page that somebody has to open. */
export const NEVER_HERE: readonly Scan[] = (
  [
    ["CodeQL", "runs at GitHub only (.github/workflows/security.yml); no workflow has run there yet"],
    [
      "Trivy, image",
      "needs a container engine and its own database of vulnerabilities; a workflow that has not run yet",
    ],
    ["npm audit", "needs npm's list of vulnerabilities, which is live; a workflow that has not run yet"],
    ["SSL Labs", "asks a deployed host by hand: ssllabs.com/ssltest; nothing is deployed"],
    ["HTTP Observatory, public", "asks a deployed host: developer.mozilla.org/observatory; nothing is deployed"],
  ] as const
).map(([name, reason]) => ({
  name,
  version: null,
  result: "NOT RUN",
  inspected: 0,
  findings: [],
  flagged: [],
  reason,
}));
