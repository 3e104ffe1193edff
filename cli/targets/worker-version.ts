/** What Cloudflare's JSON says of a Worker's versions and deployments. Pure. */
import { isRecord } from "../../contract/json.ts";
import { WORKER_BINDING } from "../../contract/secret-names.ts";
import type { DeploymentRead, Runtime, VersionRead } from "./cloudflare-calls.ts";
import { asObject, listAt, textAt, type Json } from "./json.ts";
import type { Annotation, Deployment, Source, WorkerVersion } from "./types.ts";

/** Binding with the gateway's configuration. */
export const CONFIG_BINDING = "MCPIST_CONFIG";

/** A version that is an origin itself has no id yet where its tag is written. */
const originText = (madeOf: Source | "own"): string =>
  madeOf === "own" ? madeOf : `${madeOf.exact ? "of" : "after"}-${madeOf.id}`;
/** Tag and message of a version; both stay under Cloudflare's 100 bytes. */
export const annotationTexts = ({ kid, from, run, madeOf }: Annotation): { tag: string; message: string } => ({
  tag: `mcpist-gw-${kid}${madeOf ? `-${originText(madeOf)}` : ""}`,
  message: `mcpist rotate kid=${kid} from=${from ?? "-"} run=${run}`,
});
const MESSAGE = /^mcpist rotate kid=([0-9a-f]{16}) from=([0-9a-f]{16}|-) run=([\w-]{1,36})$/;
const TAG = /^mcpist-gw-[0-9a-f]{16}-(?:own|(of|after)-([\w-]{1,36}))$/;

/** For sorting. */
export const newestFirst = (a: WorkerVersion, b: WorkerVersion): number => b.number - a.number;

/** A version as lists have it: without its code. */
export function parseVersion(json: Json): WorkerVersion {
  const annotations = isRecord(json["annotations"]) ? json["annotations"] : {};
  const message = annotations["workers/message"];
  const match = typeof message === "string" ? MESSAGE.exec(message) : null;
  const [, kid = null, from = null, run = null] = match ?? [];
  const tag = annotations["workers/tag"];
  // A colleague's version may keep the tag of the one that it was made of.
  const origin = match && typeof tag === "string" ? TAG.exec(tag) : null;
  const id = textAt(json, "id" satisfies keyof VersionRead, "a Worker version");
  const [, how = "of", source = id] = origin ?? [];
  return {
    id,
    number: Number(json["number" satisfies keyof VersionRead]),
    annotatedKid: kid,
    annotatedFrom: from === "-" ? null : from,
    annotatedRun: run,
    ...(origin ? { madeOf: { id: source, exact: how === "of" } } : {}),
  };
}

/** A version with the digest of its code. */
export const versionOf = (detail: Json): WorkerVersion => ({ ...parseVersion(detail), code: fingerprintOf(detail) });

type Share = DeploymentRead["versions"][number];
type Resources = VersionRead["resources"];

/** A deployment as lists have it. */
export function parseDeployment(json: Json): Deployment {
  const { annotations } = json;
  const message = isRecord(annotations) ? annotations["workers/message"] : null;
  return {
    id: textAt(json, "id" satisfies keyof DeploymentRead, "a deployment"),
    shares: listAt(json, "versions" satisfies keyof DeploymentRead, "a deployment").map((share) => ({
      versionId: textAt(share, "version_id" satisfies keyof Share, "a deployment's share"),
      percentage: Number(share["percentage" satisfies keyof Share]),
    })),
    message: typeof message === "string" ? message : "",
  };
}

/** Same JSON whatever the order of keys. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isRecord(value)) return JSON.stringify(value) ?? "null";
  return `{${Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
    .join()}}`;
}

/** Bindings of a version as the platform shows them: without the content of secrets. */
export function bindingsOf(version: Json): readonly Json[] {
  const { bindings }: Partial<Resources> = asObject(version["resources"], "a Worker version's resources");
  return Array.isArray(bindings) ? bindings.filter(isRecord) : [];
}

/** True when the version is bound to a secret of that name. */
export const isSecretOf = (version: Json, name: string): boolean =>
  bindingsOf(version).some((binding) => binding["name"] === name && binding["type"] === "secret_text");

/** When a secret was last written past a version upload, as `wrangler secret put` and the dashboard do; 1970 = never. */
export function writtenAt(versions: readonly Json[]): string {
  const dates = versions.flatMap((version) => {
    const { annotations, metadata } = version;
    const past = isRecord(annotations) && annotations["workers/triggered_by"] === "secret";
    return past && isRecord(metadata) && parseVersion(version).annotatedKid === null
      ? [String(metadata["created_on"])]
      : [];
  });
  return dates.reduce(
    (latest, date) => (Date.parse(date) > Date.parse(latest) ? date : latest),
    new Date(0).toISOString(),
  );
}

/** Settings of a version that decide how its code runs. */
export function runtimeOf(version: Json): Runtime {
  const { script_runtime: runtime }: Partial<Resources> = asObject(
    version["resources"],
    "a Worker version's resources",
  );
  if (!isRecord(runtime)) return {};
  const kept: readonly (keyof Runtime)[] = ["compatibility_date", "compatibility_flags", "usage_model", "limits"];
  return Object.fromEntries(kept.flatMap((name) => (runtime[name] === undefined ? [] : [[name, runtime[name]]])));
}

/** What a version is to have that the one before it has not. */
export interface Change {
  /** Counted instead of the version's own; null = its own. */
  readonly config: string | null;
  /** Secrets that are written anew, by name. */
  readonly secrets: Readonly<Record<string, string>>;
}
/** The same again. */
export const NO_CHANGE: Change = { config: null, secrets: {} };

/** The gateway secret does not count: it may be missing where somebody deleted it. */
export function fingerprintOf(version: Json, { config, secrets }: Change = NO_CHANGE): string {
  const code = asObject(
    asObject(version["resources" satisfies keyof VersionRead], "a Worker version's resources")[
      "script" satisfies keyof Resources
    ],
    "a Worker version's script",
  );
  const written = Object.keys(secrets).filter((name) => name !== WORKER_BINDING);
  const bindings = [
    ...bindingsOf(version).filter(({ name }) => name !== WORKER_BINDING && !written.includes(String(name))),
    ...written.map((name) => ({ name, type: "secret_text" })),
  ].map((binding) =>
    canonical(config !== null && binding["name"] === CONFIG_BINDING ? { ...binding, text: config } : binding),
  );
  return canonical({
    etag: textAt(code, "etag" satisfies keyof Resources["script"], "a Worker version's script"),
    runtime: runtimeOf(version),
    bindings: bindings.sort(),
  });
}
