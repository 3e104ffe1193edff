/** The files of a new project beside mcpist.config.ts, from the templates of this version. Plans only: what is there is never lost. */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { isRecord } from "../../contract/json.ts";
import { err, ok, type Result } from "../../contract/result.ts";
import { toolVersion } from "../version.ts";

/** One file, and what becomes of it. */
export interface PlannedFile {
  /** From the project's folder. */
  readonly path: string;
  readonly text: string;
  /** `changed`: it is there, and something is added. `kept`: it is there, differs, and stays as it is. */
  readonly change: "new" | "changed" | "kept" | "same";
  /** What is added to a file that is there. */
  readonly adds: readonly string[];
}

/** What a project is made of. */
export interface Project {
  /** Absolute. */
  readonly folder: string;
  /** Name of the environment that scripts and workflows work on. */
  readonly environment: string;
  /** What package.json says for mcpist: a range, or a `file:` address. */
  readonly mcpist: string;
  /** Packages that demo, deploy and stacks need, with versions. */
  readonly peers: Readonly<Record<string, string>>;
  /** Workflows that are there are written anew. */
  readonly renew: boolean;
}

const TEMPLATES = ["../../package/templates/", "../../../package/templates/"]
  .map((path) => new URL(path, import.meta.url))
  .find((url) => existsSync(url));

/** Text of a template. */
export const template = (name: string): string => readFileSync(new URL(name, TEMPLATES), "utf8");

/** Workflows of a project. */
export const WORKFLOWS = ["rotate", "restore", "deploy", "drift"] as const;
/** Line that says which version wrote a workflow. */
export const STAMP = /^# Written by mcpist (\S+)\n/;
/** A workflow as this version writes it. */
export const workflowText = (name: (typeof WORKFLOWS)[number], environment: string): string =>
  `# Written by mcpist ${toolVersion()}\n${template(`workflows/${name}.yml`).replaceAll("@ENV@", environment)}`;

const scriptsFor = (environment: string): Readonly<Record<string, string>> => ({
  demo: `mcpist demo --env ${environment}`,
  synth: "node stacks.ts",
  deploy: `mcpist deploy --env ${environment}`,
  rotate: `mcpist secrets rotate --env ${environment}`,
  verify: `mcpist secrets verify --env ${environment}`,
  test: 'node --test "modules/*.test.ts"',
});

/**
 * Packages that fetch or check a program of theirs when they are installed. npm 11 warns of those that nobody has allowed, and npm 12 does
 * not run them: https://docs.npmjs.com/cli/v11/commands/npm-install-scripts
 */
const INSTALL_SCRIPTS = { node: true, esbuild: true, workerd: true } as const;

/** A name that npm takes. */
const packageName = (folder: string): string =>
  basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replaceAll(/^[._-]+|-+$/g, "") || "mcp";

const read = (folder: string, path: string): string | null => {
  try {
    return readFileSync(join(folder, path), "utf8");
  } catch {
    return null;
  }
};

/** Puts what is missing into a section of package.json, and notes it. */
function addTo(
  manifest: Record<string, unknown>,
  section: string,
  wanted: Readonly<Record<string, string | boolean>>,
  adds: string[],
): void {
  const held = manifest[section];
  const all: Record<string, unknown> = isRecord(held) ? { ...held } : {};
  for (const [name, value] of Object.entries(wanted)) {
    if (
      name in all ||
      (section === "devDependencies" && isRecord(manifest["dependencies"]) && name in manifest["dependencies"])
    )
      continue;
    all[name] = value;
    adds.push(`${section}.${name}`);
  }
  if (Object.keys(all).length > 0) manifest[section] = all;
}

/** Of a package.json that one line mends. */
export const NO_MODULES = 'package.json has no "type": "module", which mcpist.config.ts needs';

/** @returns as error why this package.json cannot hold a project of ES modules. */
function planManifest({ folder, environment, mcpist, peers }: Project): Result<PlannedFile, string> {
  const path = "package.json";
  const text = read(folder, path);
  const adds: string[] = [];
  let manifest: Record<string, unknown>;
  try {
    const parsed: unknown =
      text === null ? { name: packageName(folder), private: true, type: "module" } : JSON.parse(text);
    if (!isRecord(parsed)) return err("package.json is not a JSON object");
    manifest = { ...parsed };
  } catch {
    return err("package.json is not JSON");
  }
  if (manifest["type"] !== "module") return err(NO_MODULES);
  addTo(manifest, "scripts", scriptsFor(environment), adds);
  addTo(manifest, "dependencies", { mcpist }, adds);
  addTo(manifest, "devDependencies", peers, adds);
  addTo(manifest, "allowScripts", INSTALL_SCRIPTS, adds);
  const change = text === null ? "new" : adds.length === 0 ? "same" : "changed";
  const indent = /^\{\n(\s+)"/.exec(text ?? "")?.[1] ?? 2;
  return ok({
    path,
    text: change === "same" ? (text ?? "") : `${JSON.stringify(manifest, null, indent)}\n`,
    change,
    adds,
  });
}

function planIgnored(folder: string): PlannedFile {
  const path = ".gitignore";
  const text = read(folder, path);
  const wanted = template("gitignore");
  if (text === null) return { path, text: wanted, change: "new", adds: [] };
  const held = new Set(text.split("\n").map((line) => line.trim().replace(/^\/|\/$/g, "")));
  const adds = wanted.split("\n").filter((line) => line !== "" && !held.has(line.replace(/\/$/, "")));
  if (adds.length === 0) return { path, text, change: "same", adds };
  return { path, text: `${text.replace(/\n*$/, "\n")}${adds.join("\n")}\n`, change: "changed", adds };
}

function planFile(folder: string, path: string, text: string, renew = false): PlannedFile {
  const held = read(folder, path);
  if (held === null) return { path, text, change: "new", adds: [] };
  if (held === text) return { path, text, change: "same", adds: [] };
  return renew
    ? { path, text, change: "changed", adds: ["its new version"] }
    : { path, text, change: "kept", adds: [] };
}

/** A workflow of that name that is somebody's own stays; ours then gets a name of its own. */
function planWorkflow({ folder, environment, renew }: Project, name: (typeof WORKFLOWS)[number]): PlannedFile {
  const usual = `.github/workflows/${name}.yml`;
  const held = read(folder, usual);
  const foreign = held !== null && !held.includes("node_modules/.bin/mcpist");
  const path = foreign ? `.github/workflows/mcpist-${name}.yml` : usual;
  return planFile(folder, path, workflowText(name, environment), renew);
}

/** @returns the plan, in the order in which files are written; as error why there can be none. */
export function planProject(project: Project): Result<readonly PlannedFile[], string> {
  const { folder } = project;
  const manifest = planManifest(project);
  if (!manifest.ok) return manifest;
  const cdktf = {
    language: "typescript",
    app: "node stacks.ts",
    projectId: randomUUID(),
    sendCrashReports: "false",
    terraformProviders: [],
    terraformModules: [],
    context: {},
  };
  const example = existsSync(join(folder, "modules")) ? [] : ["modules/dice.ts", "modules/dice.test.ts"];
  return ok([
    manifest.value,
    planIgnored(folder),
    planFile(folder, "tsconfig.json", template("tsconfig.json")),
    planFile(folder, "stacks.ts", template("stacks.ts")),
    existsSync(join(folder, "cdktf.json"))
      ? planFile(folder, "cdktf.json", read(folder, "cdktf.json") ?? "")
      : planFile(folder, "cdktf.json", `${JSON.stringify(cdktf, null, 2)}\n`),
    ...example.map((path) => planFile(folder, path, template(path))),
    ...WORKFLOWS.map((name) => planWorkflow(project, name)),
  ]);
}
