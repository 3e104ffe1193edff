/**
 * How the bindings of a new version come about: given, kept by type, or inherited by name. Pure.
 * Strict on purpose: what is not given, kept or inherited is gone, secrets included.
 */
import { badRequest, nothingToInherit } from "./errors.ts";
import type { Binding, Script, Version } from "./model.ts";

/** Binding types that carry a secret; the API never hands out their content. */
export const SECRET_TYPES: ReadonlySet<string> = new Set(["secret_text", "secret_key"]);

/** Binding types that a version of the sandbox can run with. */
const IMITATED: ReadonlySet<string> = new Set([
  "plain_text",
  "json",
  "secret_text",
  "kv_namespace",
  "durable_object_namespace",
  "ratelimit",
  "version_metadata",
]);

/** A binding as the API hands it out: without its secret, a Durable Object with the id of its namespace. */
export function publicBinding(binding: Binding, classes: Script["classes"]): Binding {
  if (SECRET_TYPES.has(binding.type)) return { name: binding.name, type: binding.type };
  const namespaceId = classes.get(String(binding["class_name"]))?.namespaceId;
  return binding.type === "durable_object_namespace" && namespaceId !== undefined
    ? { ...binding, namespace_id: namespaceId }
    : binding;
}

function assertImitated(binding: Binding): void {
  if (!IMITATED.has(binding.type))
    throw badRequest(`binding ${binding.name}: type ${binding.type} is not imitated by the mcpist sandbox`);
}

/** What {@link resolveBindings} needs to know about the versions before. */
export interface Ancestry {
  /** The latest uploaded version; absent for a new Worker. */
  readonly latest: Version | undefined;
  readonly byId: (id: string) => Version | undefined;
}

function inherited(binding: Binding, { latest, byId }: Ancestry): Binding {
  const versionId = binding["version_id"];
  const from = typeof versionId === "string" && versionId !== "latest" ? byId(versionId) : latest;
  const oldName = typeof binding["old_name"] === "string" ? binding["old_name"] : binding.name;
  const found = from?.bindings.find((candidate) => candidate.name === oldName);
  if (!found) throw nothingToInherit(binding.name);
  return { ...found, name: binding.name };
}

/**
 * @param given bindings of the upload, `inherit` among them.
 * @param keep types of bindings (`keep_bindings`) that are taken over from the latest uploaded version unless given.
 * @throws {ApiError} 10057 when there is nothing to inherit, 400 for a name given twice or a type that is not imitated.
 */
export function resolveBindings(given: readonly Binding[], keep: readonly string[], ancestry: Ancestry): Binding[] {
  const resolved = given.map((binding) => (binding.type === "inherit" ? inherited(binding, ancestry) : binding));
  const names = new Set<string>();
  for (const binding of resolved) {
    if (names.has(binding.name)) throw badRequest(`binding ${binding.name} is given twice`);
    names.add(binding.name);
    assertImitated(binding);
  }
  const kept =
    ancestry.latest?.bindings.filter((binding) => keep.includes(binding.type) && !names.has(binding.name)) ?? [];
  return [...resolved, ...kept];
}

/** Change of one binding in a merge-patch; null removes it. */
export type EnvChange = { readonly type: string } | null;

/**
 * Applies the `env` of a merge-patch: null removes a binding, an object adds or replaces one.
 * @throws {ApiError} 400 for a type that is not imitated.
 */
export function patchBindings(bindings: readonly Binding[], patch: Readonly<Record<string, EnvChange>>): Binding[] {
  const untouched = bindings.filter((binding) => !Object.hasOwn(patch, binding.name));
  const written: Binding[] = Object.entries(patch).flatMap(([name, change]) =>
    change === null ? [] : [{ ...change, name }],
  );
  for (const binding of written) assertImitated(binding);
  return [...untouched, ...written];
}

/** Names of secrets whose content differs between two versions, or that only one of them has. */
export function changedSecrets(one: readonly Binding[], other: readonly Binding[]): string[] {
  const secrets = (bindings: readonly Binding[]) =>
    new Map(
      bindings
        .filter((binding) => SECRET_TYPES.has(binding.type))
        .map((binding) => [
          binding.name,
          JSON.stringify([binding.type, binding["text"], binding["key_jwk"], binding["key_base64"]]),
        ]),
    );
  const [a, b] = [secrets(one), secrets(other)];
  return [...new Set([...a.keys(), ...b.keys()])].filter((name) => a.get(name) !== b.get(name));
}
