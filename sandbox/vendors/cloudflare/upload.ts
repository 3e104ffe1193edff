/** Reads the multipart body of a script upload: `metadata` plus one part per module. Refuses what it cannot run. */
import { badRequest, scriptFails } from "./errors.ts";
import { codeEtag, type Annotations, type Binding, type Code, type Module } from "./model.ts";
import { isRecord } from "../../../contract/json.ts";

/** What an upload asks for, checked for shape. */
export interface Upload {
  readonly code: Code;
  readonly bindings: readonly Binding[];
  /** Types from `keep_bindings`; empty when absent, which drops every binding that is not given. */
  readonly keep: readonly string[];
  readonly annotations: Annotations;
  readonly migrations: Migrations | null;
  /** Versioned settings that are only echoed: placement, limits, usage_model. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Script settings that the upload carries: logpush, observability, tail_consumers. */
  readonly scriptSettings: Readonly<Record<string, unknown>>;
}

/** One or several steps of Durable Object migrations, as one list. */
export interface Migrations {
  readonly oldTag: string | null;
  readonly newTag: string | null;
  readonly steps: readonly MigrationStep[];
}
export interface MigrationStep {
  readonly created: readonly { readonly name: string; readonly sqlite: boolean }[];
  readonly deleted: readonly string[];
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
}

/** Longest `workers/tag`; a longer one is refused. Unit: bytes. Source: the API reference of Workers versions. */
const TAG_LIMIT_BYTES = 100;
/** A longer `workers/message` is cut off without a word. Unit: bytes. Source: as above. */
export const MESSAGE_LIMIT_BYTES = 1000;
/** What the API takes for a Worker that names no date. */
const DEFAULT_COMPATIBILITY_DATE = "2021-11-02";

type Json = Readonly<Record<string, unknown>>;
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

/** Parses JSON from a client without repeating it in the error, because it may hold a secret. @throws {ApiError} 400. */
export function parseJson(source: string, what: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    throw badRequest(`${what} is not JSON`);
  }
}

/** Reads what a client may note with a version or a deployment. @throws {ApiError} 400 when the tag is too long. */
export function readAnnotations(value: unknown): Annotations {
  if (!isRecord(value)) return {};
  const [message, tag] = [text(value["workers/message"]), text(value["workers/tag"])];
  if (tag !== null && Buffer.byteLength(tag) > TAG_LIMIT_BYTES)
    throw badRequest(`workers/tag is longer than ${TAG_LIMIT_BYTES} bytes`);
  return {
    ...(message === null
      ? {}
      : { "workers/message": Buffer.from(message).subarray(0, MESSAGE_LIMIT_BYTES).toString() }),
    ...(tag === null ? {} : { "workers/tag": tag }),
  };
}

function readBindings(value: unknown): Binding[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw badRequest("bindings is not a list");
  return value.map((item) => {
    if (!isRecord(item) || text(item["name"]) === null || text(item["type"]) === null)
      throw badRequest("a binding has no name or no type");
    return item as Binding;
  });
}

function readStep(value: Json): MigrationStep {
  const named = (list: unknown) => (Array.isArray(list) ? list.filter(isRecord) : []);
  return {
    created: [
      ...texts(value["new_classes"]).map((name) => ({ name, sqlite: false })),
      ...texts(value["new_sqlite_classes"]).map((name) => ({ name, sqlite: true })),
    ],
    deleted: texts(value["deleted_classes"]),
    renamed: named(value["renamed_classes"]).map((item) => ({ from: String(item["from"]), to: String(item["to"]) })),
  };
}

function readMigrations(value: unknown): Migrations | null {
  if (!isRecord(value) || Object.keys(value).length === 0) return null;
  const steps = Array.isArray(value["steps"]) ? value["steps"].filter(isRecord) : [];
  return {
    oldTag: text(value["old_tag"]),
    newTag: text(value["new_tag"]),
    steps: [readStep(value), ...steps.map(readStep)],
  };
}

async function readModules(form: FormData): Promise<Module[]> {
  const modules: Module[] = [];
  for (const [part, value] of form.entries()) {
    if (part === "metadata") continue;
    if (typeof value === "string") {
      modules.push({ name: part, type: "application/javascript+module", content: Buffer.from(value) });
      continue;
    }
    // Source maps are part of an upload and not of the program.
    if (value.type === "application/source-map") continue;
    modules.push({
      // The official SDKs call every part "files" and name the module by its file.
      name: part === "files" && value.name !== "" ? value.name : part,
      type: value.type.split(";")[0] ?? "",
      content: new Uint8Array(await value.arrayBuffer()),
    });
  }
  return modules;
}

function readCode(metadata: Json, modules: readonly Module[], now: Date): Code {
  const mainModule = text(metadata["main_module"]) ?? text(metadata["body_part"]);
  if (mainModule === null) throw badRequest("metadata names neither main_module nor body_part");
  if (!modules.some((module) => module.name === mainModule)) throw scriptFails(`No such module: ${mainModule}`);
  const compatibilityDate = text(metadata["compatibility_date"]) ?? DEFAULT_COMPATIBILITY_DATE;
  if (compatibilityDate > now.toISOString().slice(0, 10))
    throw scriptFails(`Can't set compatibility date in the future: ${compatibilityDate}`);
  return {
    etag: codeEtag(modules),
    mainModule,
    serviceWorker: metadata["main_module"] === undefined,
    modules,
    compatibilityDate,
    compatibilityFlags: texts(metadata["compatibility_flags"]),
  };
}

const pick = (value: Json, names: readonly string[]): Json =>
  Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)));

/** @throws {ApiError} 400 when the body is no form. */
export async function readForm(request: { formData(): Promise<FormData> }): Promise<FormData> {
  try {
    return await request.formData();
  } catch {
    throw badRequest("the body is not multipart/form-data, or its parts cannot be told apart");
  }
}

/** @throws {ApiError} when a part is missing, is no JSON or does not fit. */
export async function readUpload(form: FormData, now: Date): Promise<Upload> {
  const part = form.get("metadata");
  if (part === null) throw badRequest("the upload has no metadata");
  const metadata = parseJson(typeof part === "string" ? part : await part.text(), "metadata");
  if (!isRecord(metadata)) throw badRequest("metadata is not an object");
  return {
    code: readCode(metadata, await readModules(form), now),
    bindings: readBindings(metadata["bindings"]),
    keep: texts(metadata["keep_bindings"]),
    annotations: readAnnotations(metadata["annotations"]),
    migrations: readMigrations(metadata["migrations"]),
    settings: pick(metadata, ["placement", "limits", "usage_model"]),
    scriptSettings: pick(metadata, ["logpush", "observability", "tail_consumers"]),
  };
}
