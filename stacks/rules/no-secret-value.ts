/** No text that is a credential, anywhere: not in a synthesis, not in a plan, not in a state. */
import { strings } from "../document.ts";
import type { Rule } from "./rule.ts";

/** Digests and ids that have the shape of a gateway secret and are none. */
const PUBLIC_KEYS: ReadonlySet<string> = new Set(["content_sha256", "etag", "fingerprint", "image_digest"]);

/** Name of the argument that a text belongs to: a plan's configuration wraps it once more. */
const argumentOf = (path: readonly string[]): string => path.at(path.at(-1) === "constant_value" ? -2 : -1) ?? "";

const SHAPES: readonly (readonly [name: string, shape: RegExp])[] = [
  ["64 hex characters, the shape of a gateway secret", /(?<![0-9a-f])(?<!sha256:)[0-9a-f]{64}(?![0-9a-f])/],
  ["a connection string with a password", /\b[a-z][a-z0-9+]*:\/\/[^\s/:@]*:[^\s/@]+@/],
  ["a GitHub token", /\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})/],
  ["a Fly.io token", /\b(FlyV1 |fo1_|fm[12]r?_)[A-Za-z0-9+/=_-]{20,}/],
  ["an AWS key id", /\b(AKIA|ASIA)[A-Z0-9]{16}\b/],
  ["a private key", /-----BEGIN [A-Z ]*PRIVATE KEY-----/],
  ["a JSON Web Token", /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/],
];

export const noSecretValue: Rule = {
  name: "no-secret-value",
  why: "plans and states keep values in clear, and so does every place that they are copied to",
  check: (document) => {
    const found: string[] = [];
    for (const [path, text] of strings(document.raw)) {
      if (PUBLIC_KEYS.has(argumentOf(path))) continue;
      for (const [name, shape] of SHAPES) if (shape.test(text)) found.push(`${path.join(".")}: looks like ${name}`);
    }
    return found;
  },
  examples: {
    accepted: {
      resource: {
        cloudflare_workers_script: { worker: { content_sha256: "ab".repeat(32), bindings: [{ name: "KV", type: "kv_namespace" }] } },
        koyeb_service: { service: { definition: [{ docker: [{ image: `ghcr.io/acme/origin@sha256:${"ab".repeat(32)}` }] }] } },
      },
    },
    refused: { resource: { fly_machine: { machine: { env: { ANYTHING: "ab".repeat(32) } } } } },
  },
};
