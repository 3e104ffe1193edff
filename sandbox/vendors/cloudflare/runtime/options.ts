/** Translates a version into the options of a Miniflare. Pure; nothing is started here. */
import type { WorkerOptions } from "miniflare";
import type { Binding, Module, Version } from "../model.ts";
import { KV_BINDING_SOURCE } from "./kv-binding.ts";

/** Name of the helper Worker whose default export makes KV bindings. */
const KV_WORKER = "sandbox-kv-binding";

const MODULE_TYPES: Readonly<Record<string, "ESModule" | "CommonJS" | "Text" | "Data" | "CompiledWasm">> = {
  "application/javascript+module": "ESModule",
  "text/javascript+module": "ESModule",
  "application/javascript": "CommonJS",
  "text/javascript": "CommonJS",
  "text/plain": "Text",
  "application/octet-stream": "Data",
  "application/wasm": "CompiledWasm",
};

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const ofType = (version: Version, type: string): Binding[] =>
  version.bindings.filter((binding) => binding.type === type);
const mapped = <T>(bindings: readonly Binding[], value: (binding: Binding) => T): Record<string, T> =>
  Object.fromEntries(bindings.map((binding) => [binding.name, value(binding)]));

/** True when the version has Durable Objects of its own script. */
export const hasObjects = (version: Version): boolean => ofType(version, "durable_object_namespace").length > 0;

function moduleList(code: Version["code"]): {
  type: "ESModule" | "CommonJS" | "Text" | "Data" | "CompiledWasm";
  path: string;
  contents: string | Uint8Array<ArrayBuffer>;
}[] {
  // workerd starts with the first module.
  const first = (module: Module) => (module.name === code.mainModule ? 0 : 1);
  return code.modules
    .toSorted((a, b) => first(a) - first(b))
    .map(({ name, type, content }) => ({
      type: MODULE_TYPES[type] ?? "Data",
      path: `/${name}`,
      contents: new Uint8Array(content),
    }));
}

const source = (code: Version["code"]) =>
  code.serviceWorker
    ? { script: Buffer.from(code.modules.find((module) => module.name === code.mainModule)?.content ?? "").toString() }
    : { modulesRoot: "/", modules: moduleList(code) };

function plainBindings(version: Version): Record<string, string | object> {
  const metadata = { id: version.id, tag: version.annotations["workers/tag"] ?? "", timestamp: version.createdOn };
  return {
    ...mapped(ofType(version, "plain_text"), (binding) => text(binding["text"])),
    ...mapped(ofType(version, "secret_text"), (binding) => text(binding["text"])),
    ...mapped(ofType(version, "json"), (binding) => binding["json"] as object),
    ...mapped(ofType(version, "version_metadata"), () => metadata),
  };
}

/** Where a version finds its Durable Objects. */
export interface ObjectHome {
  /** Name of the process that owns the objects; equal to {@link Placement.name} for the owner itself. */
  readonly owner: string;
}
export interface Placement {
  /** Name under which the Worker runs in its Miniflare. */
  readonly name: string;
  readonly objects: ObjectHome | null;
  /** Answers for the account's KV store. */
  readonly kv: (request: Request) => Promise<Response>;
}

/** Workers of one Miniflare: the version itself and the helper of its KV bindings. */
export function workersOf(version: Version, { name, objects, kv }: Placement): WorkerOptions[] {
  const durable = mapped(ofType(version, "durable_object_namespace"), (binding) => ({
    className: text(binding["class_name"]),
    useSQLite: true,
    ...(objects === null || objects.owner === name ? {} : { scriptName: objects.owner }),
  }));
  const main = {
    name,
    ...source(version.code),
    compatibilityDate: version.code.compatibilityDate,
    compatibilityFlags: [...version.code.compatibilityFlags],
    bindings: plainBindings(version) as NonNullable<WorkerOptions["bindings"]>,
    durableObjects: durable,
    ratelimits: mapped(ofType(version, "ratelimit"), (binding) => ({
      namespace_id: text(binding["namespace_id"]),
      simple: binding["simple"] as { limit: number; period: 10 | 60 },
    })),
    wrappedBindings: mapped(ofType(version, "kv_namespace"), (binding) => ({
      scriptName: KV_WORKER,
      bindings: { NAMESPACE: text(binding["namespace_id"]) },
    })),
    unsafeDirectSockets: [{}],
  };
  const helper = {
    name: KV_WORKER,
    modulesRoot: "/",
    modules: [{ type: "ESModule" as const, path: "/kv.js", contents: KV_BINDING_SOURCE }],
    serviceBindings: { STORE: kv },
  };
  return [main, helper];
}
