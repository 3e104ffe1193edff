/**
 * What this tool sends to Cloudflare and reads of its answers, beside what goes through wrangler. cloudflare-calls.test-d.ts holds it
 * against the types of the vendor's own client, which are too many for every compilation to read.
 */

/** Body of a new deployment. */
export interface NewDeployment {
  strategy: "percentage";
  versions: { version_id: string; percentage: number }[];
  annotations: { "workers/message": string };
}

interface Inherited {
  type: "inherit";
  name: string;
  version_id: string;
}
interface PlainText {
  type: "plain_text";
  name: string;
  text: string;
}
interface SecretText {
  type: "secret_text";
  name: string;
  text: string;
}
/** Settings of a version that decide how its code runs. */
export interface Runtime {
  compatibility_date?: string;
  compatibility_flags?: string[];
  usage_model?: "standard" | "bundled" | "unbound";
  limits?: { cpu_ms?: number };
}
/** The part `metadata` of an uploaded version. */
export interface NewVersion extends Runtime {
  main_module: string;
  bindings: (Inherited | PlainText | SecretText)[];
  annotations?: { "workers/tag": string; "workers/message": string };
}

/** A version, as far as it is read. Its annotations are wrangler's to read and in no description. */
export interface VersionRead {
  id: string;
  number: number;
  resources: { script: { etag: string }; script_runtime: Runtime; bindings: unknown };
}
/** A deployment, as far as it is read. */
export interface DeploymentRead {
  id: string;
  versions: { version_id: string; percentage: number }[];
  annotations: { "workers/message": string };
}
