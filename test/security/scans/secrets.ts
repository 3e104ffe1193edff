/** gitleaks: everything that was ever committed, and the files as they are. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { copyOfTree } from "../mutants/copy.ts";
import { ROOT, trackedFiles } from "../repository.ts";
import type { Flagged, Look, Scanner } from "./scanner.ts";
import { absent, git, inFolder, run } from "./tools.ts";

const CONFIG = join(ROOT, "test/security/scans/gitleaks.toml");
interface Leak {
  readonly RuleID: string;
  readonly File: string;
  readonly StartLine: number;
  readonly Commit: string;
}

/** @param what `git` = the history of a folder, `dir` = its files */
const leaksIn = (what: "git" | "dir", folder: string): readonly Leak[] =>
  inFolder((out) => {
    const report = join(out, "leaks.json");
    const args = [
      what,
      "--no-banner",
      "--redact",
      "--config",
      CONFIG,
      "--report-format=json",
      `--report-path=${report}`,
    ];
    const { code } = run("gitleaks", [...args, "."], folder);
    if (code !== 0 && code !== 1) throw new Error("gitleaks broke off");
    return JSON.parse(readFileSync(report, "utf8")) as readonly Leak[];
  });

const told = ({ File, StartLine, RuleID, Commit }: Leak): string =>
  `${File}:${StartLine}: ${RuleID}${Commit === "" ? "" : ` in ${Commit.slice(0, 12)}`}`;

/** Made anew for each run: a value that stands in the repository would be a finding itself. */
function fresh(): Readonly<Record<string, string>> {
  const hex = (bytes: number): string => randomBytes(bytes).toString("hex");
  const word = (length: number): string =>
    randomBytes(length * 2)
      .toString("base64")
      .replaceAll(/[^A-Za-z0-9]/g, "")
      .slice(0, length)
      .padEnd(length, "x7");
  return {
    "github-pat": `ghp_${word(36)}`,
    "aws-access-token": `AKIA${"ABCDEFGHJKLMNPQR"
      .split("")
      .toSorted(() => (randomBytes(1)[0] ?? 0) - 128)
      .join("")}`,
    "private-key": `-----BEGIN PRIVATE KEY-----\n${randomBytes(96).toString("base64")}\n-----END PRIVATE KEY-----`,
    "mcpist-hex-secret": `GATEWAY_SECRET_A=${hex(32)}`,
    "flyio-access-token": `FLY_API_TOKEN = "fo1_${randomBytes(32).toString("base64url").slice(0, 43)}"`,
  };
}

/** In a repository whose second commit takes the values away again: only the history has them. */
const flaggedInHistory = (): Flagged =>
  inFolder((folder) => {
    const values = fresh();
    git(folder, "init", "--quiet");
    writeFileSync(join(folder, "notes.env"), `${Object.values(values).join("\n")}\n`);
    git(folder, "add", "notes.env");
    git(folder, "commit", "--quiet", "--message", "values");
    writeFileSync(join(folder, "notes.env"), "\n");
    git(folder, "commit", "--quiet", "--all", "--message", "no values");
    return { wanted: Object.keys(values), flagged: leaksIn("git", folder).map(({ RuleID }) => RuleID) };
  });

/** In every folder of ours, so that none can be left out unseen. */
const flaggedInFiles = (): Flagged =>
  inFolder((folder) => {
    const values = fresh();
    const folders = new Set(trackedFiles().map((path) => (path.includes("/") ? dirname(path) : ".")));
    for (const name of folders) {
      mkdirSync(join(folder, name), { recursive: true });
      writeFileSync(join(folder, name, "notes.env"), `${Object.values(values).join("\n")}\n`);
      writeFileSync(join(folder, name, "notes.ts"), `${Object.values(values).join("\n")}\n`);
    }
    const found = new Set(leaksIn("dir", folder).map(({ File, RuleID }) => `${File}: ${RuleID}`));
    const seen = (path: string): boolean => Object.keys(values).every((rule) => found.has(`${path}: ${rule}`));
    const flagged = [...folders].filter((name) => ["env", "ts"].every((end) => seen(join(name, `notes.${end}`))));
    return { wanted: [...folders], flagged };
  });

function lookAtFiles(): Look {
  const copy = copyOfTree();
  try {
    return { inspected: trackedFiles().length, findings: leaksIn("dir", copy.root).map(told) };
  } finally {
    copy.remove();
  }
}

/** gitleaks built from its module says no version. */
const version = (): string => "8.30.0";

export const SECRETS: readonly Scanner[] = [
  {
    name: "gitleaks, history",
    absent: () =>
      absent("gitleaks")() ??
      (git(ROOT, "rev-parse", "--is-shallow-repository").trim() === "true" ? "this clone has no history" : null),
    version,
    look: () => ({
      inspected: Number(git(ROOT, "rev-list", "--count", "HEAD")),
      findings: leaksIn("git", ROOT).map(told),
    }),
    bad: flaggedInHistory,
  },
  { name: "gitleaks, files", absent: absent("gitleaks"), version, look: lookAtFiles, bad: flaggedInFiles },
];
