/** No text that is a credential, anywhere: not in a synthesis, not in a plan, not in a state. */
import { type PolicyDocument, strings } from "../document.ts";
import { secretShapes } from "../secret-shapes.ts";
import type { Rule } from "./rule.ts";

/** Digests, which have the shape of a gateway secret and are none: type of the resource → its argument. */
const DIGESTS: Readonly<Record<string, RegExp>> = {
  cloudflare_workers_script: /^content_sha256$/,
  "data.cloudflare_workers_scripts": /^result\.\d+\.etag$/,
  terraform_data: /^triggers_replace\.fingerprint$/,
};
/** Parts of a plan or state above a resource. An output has no such path, whatever it is called. */
const ABOVE =
  /^((planned_values|prior_state\.values|values|configuration)\.root_module(\.child_modules\.[^.]+)*\.resources)$/;
const TYPE = /^(?:module\.[^.]+\.)*((?:data\.)?[a-z0-9_]+)\./;

/** Type of the resource that a path leads into, and the path of the argument from there; null outside of arguments. */
function place(
  kind: PolicyDocument["kind"],
  path: readonly string[],
): readonly [type: string, argument: string] | null {
  if (kind === "synth") {
    const [section, type = "", , ...argument] = path;
    if (section !== "resource" && section !== "data") return null;
    return [section === "data" ? `data.${type}` : type, argument.join(".")];
  }
  const changes = path[0] === "resource_changes" || path[0] === "resource_drift";
  const at = changes ? 1 : path.indexOf("resources") + 1;
  if (!changes && !ABOVE.test(path.slice(0, at).join("."))) return null;
  const argument = path.slice(at + (changes ? 3 : 2)).join(".");
  return [TYPE.exec(path[at] ?? "")?.[1] ?? "", argument.replace(/\.constant_value(?=\.|$)/, "")];
}

function isDigest(kind: PolicyDocument["kind"], path: readonly string[]): boolean {
  const [type, argument] = place(kind, path) ?? ["", ""];
  // A result of the platform's; in a synthesis nobody may set one.
  if (kind !== "synth" && type !== "" && argument === "etag") return true;
  return Object.hasOwn(DIGESTS, type) && DIGESTS[type]?.test(argument) === true;
}

export const noSecretValue: Rule = {
  name: "no-secret-value",
  why: "plans and states keep values in clear, and so does every place that they are copied to",
  check: ({ kind, raw }) =>
    [...strings(raw)]
      .filter(([path]) => !isDigest(kind, path))
      .flatMap(([path, text]) => secretShapes(text).map((name) => `${path.join(".")}: looks like ${name}`)),
  examples: {
    accepted: {
      resource: {
        cloudflare_workers_script: {
          worker: { content_sha256: "ab".repeat(32), bindings: [{ name: "KV", type: "kv_namespace" }] },
        },
        koyeb_service: {
          service: { definition: [{ docker: [{ image: `ghcr.io/acme/origin@sha256:${"ab".repeat(32)}` }] }] },
        },
      },
    },
    refused: { resource: { fly_machine: { machine: { env: { ANYTHING: "ab".repeat(32) } } } } },
  },
};
