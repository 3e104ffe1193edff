/** semgrep with rules of this project (what gosec is to Go), hadolint, actionlint and zizmor. */
import { copyFileSync, cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, trackedFiles } from "../repository.ts";
import type { Flagged, Look, Scanner } from "./scanner.ts";
import { absent, inFolder, run, versionOf } from "./tools.ts";

const HERE = join(ROOT, "test/security/scans");
const BAD = join(HERE, "known-bad");
const workflows = (): readonly string[] => trackedFiles().filter((path) => path.startsWith(".github/workflows/"));
const dockerfiles = (): readonly string[] => trackedFiles().filter((path) => /(^|\/)Dockerfile$/.test(path));

/** What a rule sees and is right all the same. */
export const ACCEPTED: ReadonlySet<string> = new Set([
  // Git names its objects by SHA-1; the imitated GitHub has to do the same.
  "sandbox/vendors/github/git.ts weak-digest",
  // A property that is called like a keyword: the rest of the file is read.
  "supabase/migrate/files.ts PartialParsing",
]);

interface Found {
  readonly place: string;
  readonly rule: string;
}
const told = ({ place, rule }: Found): string => `${place}: ${rule}`;
const rules = (found: readonly Found[]): readonly string[] => [...new Set(found.map(({ rule }) => rule))];

function semgrep(folder: string, files: readonly string[]): { readonly scanned: number; readonly found: Found[] } {
  const { stdout } = run(
    "semgrep",
    ["scan", "--metrics=off", "--disable-version-check", "--quiet", "--json", "--no-git-ignore", "--jobs=1"].concat(
      ["--config", join(HERE, "semgrep.yml")],
      files,
    ),
    folder,
  );
  const { results, errors, paths } = JSON.parse(stdout) as {
    readonly results: readonly { readonly check_id: string; readonly path: string; readonly start: { line: number } }[];
    readonly errors: readonly { readonly type: unknown; readonly path?: string }[];
    readonly paths: { readonly scanned: readonly string[] };
  };
  const found = [
    ...results.map(({ check_id: id, path, start }) => ({
      path,
      line: start.line,
      rule: id.slice(id.lastIndexOf(".") + 1),
    })),
    ...errors.map(({ type, path = "?" }) => ({ path, line: 0, rule: String(Array.isArray(type) ? type[0] : type) })),
  ];
  return {
    scanned: paths.scanned.length,
    found: found
      .filter(({ path, rule }) => !ACCEPTED.has(`${path} ${rule}`))
      .map(({ path, line, rule }) => ({ place: `${path}:${line}`, rule })),
  };
}

/** What runs in production: the tests of a flaw contain the flaw. */
export const product = (): readonly string[] =>
  trackedFiles().filter(
    (path) =>
      /^(contract|cli|worker|origin|stacks|sandbox|supabase)\/.*\.ts$/.test(path) && !/\.test\.ts$|\/test\//.test(path),
  );

function zizmor(folder: string): readonly Found[] {
  const { stdout, code } = run("zizmor", ["--offline", "--no-progress", "--format=json", "."], folder);
  if (code < 0 || stdout === "") throw new Error("zizmor broke off");
  const found = JSON.parse(stdout) as readonly {
    readonly ident: string;
    readonly locations: readonly { readonly symbolic: { readonly key: { Local?: { verbatim_path: string } } } }[];
  }[];
  return found.map(({ ident, locations: [first] }) => ({
    place: first?.symbolic.key.Local?.verbatim_path ?? "?",
    rule: ident,
  }));
}

/** @param ignored GitHub's `concurrency.queue` is newer than this release */
function actionlint(files: readonly string[], ignored: readonly string[] = []): readonly Found[] {
  const args = ["-no-color", "-shellcheck=", "-pyflakes=", ...ignored.flatMap((text) => ["-ignore", text])];
  const { stdout } = run("actionlint", [...args, "-format", "{{json .}}", ...files]);
  const found = JSON.parse(stdout) as readonly { filepath: string; line: number; kind: string }[] | null;
  return (found ?? []).map(({ filepath, line, kind }) => ({ place: `${filepath}:${line}`, rule: kind }));
}

function hadolint(files: readonly string[]): readonly Found[] {
  const { stdout } = run("hadolint", ["--format=json", ...files]);
  const found = JSON.parse(stdout) as readonly { file: string; line: number; code: string }[];
  return found.map(({ file, line, code }) => ({ place: `${file}:${line}`, rule: code }));
}

const look = (inspected: number, found: readonly Found[]): Look => ({ inspected, findings: found.map(told) });

/** What each has to flag in its known-bad input. */
export const WANTED = {
  semgrep: [...readFileSync(join(HERE, "semgrep.yml"), "utf8").matchAll(/^ {2}- id: (\S+)$/gm)].map(
    ([, id = ""]) => id,
  ),
  zizmor: ["unpinned-uses", "artipacked", "template-injection", "dangerous-triggers", "excessive-permissions"],
  actionlint: ["job-needs", "expression", "action", "permissions"],
  hadolint: ["DL3007", "DL3003", "DL3008", "DL3004", "DL3025", "DL3002"],
};

export const SOURCE: readonly Scanner[] = [
  {
    name: "semgrep, rules of this project",
    absent: absent("semgrep"),
    version: () => versionOf("semgrep", "--version"),
    look() {
      const { scanned, found } = semgrep(ROOT, product());
      return look(scanned, found);
    },
    bad: () =>
      inFolder((folder): Flagged => {
        copyFileSync(join(BAD, "code.ts.txt"), join(folder, "code.ts"));
        return { wanted: WANTED.semgrep, flagged: rules(semgrep(folder, ["code.ts"]).found) };
      }),
  },
  {
    name: "zizmor",
    absent: absent("zizmor"),
    version: () => versionOf("zizmor", "--version"),
    look: () =>
      inFolder((folder) => {
        cpSync(join(ROOT, ".github"), join(folder, ".github"), { recursive: true });
        return look(workflows().length, zizmor(folder));
      }),
    bad: () =>
      inFolder((folder) => {
        mkdirSync(join(folder, ".github/workflows"), { recursive: true });
        copyFileSync(join(BAD, "workflow.yml"), join(folder, ".github/workflows/bad.yml"));
        return {
          wanted: WANTED.zizmor,
          flagged: rules(zizmor(folder)),
        };
      }),
  },
  {
    name: "actionlint",
    absent: absent("actionlint"),
    version: () => "1.7.12",
    look: () => look(workflows().length, actionlint(workflows(), ['unexpected key "queue" for "concurrency"'])),
    bad: () => ({
      wanted: WANTED.actionlint,
      flagged: rules(actionlint([join(BAD, "workflow.yml")])),
    }),
  },
  {
    name: "hadolint",
    absent: absent("hadolint"),
    version: () => versionOf("hadolint", "--version"),
    look: () => look(dockerfiles().length, hadolint(dockerfiles())),
    bad: () => ({
      wanted: WANTED.hadolint,
      flagged: rules(hadolint([join(BAD, "Dockerfile.txt")])),
    }),
  },
];
