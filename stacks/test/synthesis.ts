/** For tests of the stacks: a synthesis into a folder of its own, and what it wrote. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EnvironmentInput, parseConfig } from "../../contract/config.ts";
import config from "../../mcpist.config.ts";
import { buildApp } from "../app.ts";
import { App } from "../cdktf.ts";
import { type PolicyDocument, readDocument } from "../document.ts";
import { type EdgeOptions, EdgeStack } from "../edge.ts";
import { synthesizedStacks } from "../manifest.ts";
import type { Settings } from "../settings.ts";

/** The example's production environment, as a person wrote it. */
export const EXAMPLE = config.environments["production"] as EnvironmentInput;

/** A Worker that is small and always the same. */
export const STUB_WORKER = 'export class UserBurst {}\nexport default { fetch: () => new Response("stub") };\n';

/** Settings around an environment; the example's production environment by default. */
export function settingsOf(input: EnvironmentInput = EXAMPLE, changes: Partial<Settings> = {}): Settings {
  const name = changes.name ?? "production";
  const parsed = parseConfig({ environments: { [name]: input } });
  const environment = parsed.ok ? parsed.value.environments[name] : undefined;
  if (!environment) throw new Error(parsed.ok ? "no environment" : JSON.stringify(parsed.error));
  return {
    name,
    environment,
    local: environment.cloudflare.url !== undefined,
    image: environment.image,
    stateDirectory: "/state",
    appliedMigrationTag: null,
    allowDestroy: false,
    flyBaseUrl: null,
    ...changes,
  };
}

/** What a synthesis wrote, by stack name. */
export interface Synthesis {
  readonly documents: ReadonlyMap<string, PolicyDocument>;
  /** Names of the stacks that each stack waits for. */
  readonly dependencies: ReadonlyMap<string, readonly string[]>;
  readonly outdir: string;
}

/** Writes the Worker and has an app synthesized beside it. */
function synthesizeWith(
  worker: string,
  make: (options: { readonly bundle: string; readonly outdir: string }) => App,
): Synthesis {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-synth-"));
  const bundle = join(folder, "index.js");
  writeFileSync(bundle, worker);
  const outdir = join(folder, "out");
  make({ bundle, outdir }).synth();
  const { stacks } = JSON.parse(readFileSync(join(outdir, "manifest.json"), "utf8")) as {
    readonly stacks: Readonly<Record<string, { readonly dependencies: readonly string[] }>>;
  };
  const documents = synthesizedStacks(outdir).map(({ name, file }) => {
    const document = readDocument(readFileSync(file, "utf8"));
    if (!document.ok) throw new Error(document.error);
    return [name, document.value] as const;
  });
  return {
    outdir,
    documents: new Map(documents),
    dependencies: new Map(Object.entries(stacks).map(([name, { dependencies }]) => [name, dependencies])),
  };
}

/** All stacks. @throws when a stack refuses. */
export const synthesize = (settings: Settings): Synthesis =>
  synthesizeWith(STUB_WORKER, (options) => buildApp(settings, options));

/** The gateway's stack alone, which is most of what changes between two deploys. */
export function synthesizeEdge(
  settings: Settings,
  worker: string = STUB_WORKER,
  options: Omit<EdgeOptions, "bundle"> = {},
): PolicyDocument {
  const synthesis = synthesizeWith(worker, ({ bundle, outdir }) => {
    const app = new App({ outdir, stackTraces: false, skipValidation: true });
    new EdgeStack(app, settings, { ...options, bundle });
    return app;
  });
  return documentOf(synthesis, `${settings.name}-base-edge`);
}

/** The one document of a stack. */
export function documentOf(synthesis: Synthesis, stack: string): PolicyDocument {
  const document = synthesis.documents.get(stack);
  if (!document) throw new Error(`no stack ${stack}; there are ${[...synthesis.documents.keys()].join(", ")}`);
  return document;
}

/** Arguments of the one resource of a type (and name). */
export function resourceOf(document: PolicyDocument, type: string, name?: string): Readonly<Record<string, unknown>> {
  const found = document.resources.filter(
    (resource) => resource.type === type && (name === undefined || resource.address.endsWith(`.${name}`)),
  );
  const [only] = found;
  if (!only || found.length > 1) throw new Error(`${found.length} resources of type ${type}`);
  return only.values;
}

/** A document as text without what differs between machines and library versions. */
export function stableText(document: PolicyDocument): string {
  const clean = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(clean);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => key !== "//")
        .map(([key, item]) => [key, clean(item)]),
    );
  };
  return `${JSON.stringify(clean(document.raw), null, 2)}\n`;
}
