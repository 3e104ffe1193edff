/** Every secret of an installation: its name, the shape of its value, where it goes and how old it may get. */
import { readDatabaseUrl } from "./database-url.ts";
import type { SlotName } from "./gateway-secret.ts";
import type { OriginKind } from "./platforms.ts";

/** A place that holds secrets. */
export type TargetKind = "github" | "cloudflare" | OriginKind;

/** Who gets one of the other secrets. */
export type SecretPlace = "origins" | "worker" | "github";

/** Kept by `mcpist secrets put NAME`; the gateway secret has its own command and is not in this list. */
export interface SecretSpec {
  readonly name: string;
  readonly purpose: string;
  /** What a value must match before any call is made. */
  readonly shape: RegExp;
  /** In words, for the error message. */
  readonly shapeText: string;
  /** What else is wrong with a value of that shape, as the origin would say at its start; never a part of it. */
  readonly faultOf?: (value: string) => string | null;
  readonly to: readonly SecretPlace[];
  readonly maxAgeDays: number;
}

/** The secrets beside the gateway secret. */
export const SECRETS: readonly SecretSpec[] = [
  {
    name: "DATABASE_URL",
    purpose: "connection string of the origins' database role",
    shape: /^postgres(ql)?:\/\/\S+$/,
    shapeText: "a postgres:// URL without white space",
    faultOf: (value) => {
      const address = readDatabaseUrl(value);
      return typeof address === "string" ? address : null;
    },
    to: ["origins"],
    maxAgeDays: 180,
  },
  {
    name: "BROKER_SECRET",
    purpose: "credential of the origins at the token broker",
    shape: /^[0-9a-f]{64}$/,
    shapeText: "64 lower-case hex characters",
    to: ["origins"],
    maxAgeDays: 90,
  },
  {
    name: "REQUEST_STATE_KEY",
    purpose: "key that seals MCP request state; the same at every origin",
    shape: /^[0-9a-f]{64}$/,
    shapeText: "64 lower-case hex characters",
    to: ["origins"],
    maxAgeDays: 90,
  },
];

/** A secret of one's own, as the configuration declares it. */
export interface OwnSecret {
  readonly purpose: string;
  readonly shape: "text" | "hex64";
  readonly to: readonly SecretPlace[];
}

/** What decides which secrets an environment needs. */
export interface SecretUse {
  readonly database: "shared" | "embedded";
  readonly modules: { readonly brokerUrl: string | null };
  /** Secrets of one's own, by name. */
  readonly secrets: Readonly<Record<string, OwnSecret>>;
}

/** Every secret that `mcpist secrets put` knows in an environment: the built-in ones, then one's own. */
export const secretSpecs = ({ secrets }: Pick<SecretUse, "secrets">): readonly SecretSpec[] => [
  ...SECRETS,
  ...Object.entries(secrets).map(([name, { purpose, shape, to }]): SecretSpec => ({
    name,
    purpose,
    // A variable of a process cannot hold NUL.
    shape: shape === "hex64" ? /^[0-9a-f]{64}$/ : /^[^\0]+$/,
    shapeText: shape === "hex64" ? "64 lower-case hex characters" : "a text without NUL",
    to,
    maxAgeDays: 180,
  })),
];

/** Secrets that this environment has a use for. */
export function usedSecrets({ database, modules, secrets }: SecretUse): readonly SecretSpec[] {
  const unused = new Set([
    ...(database === "embedded" ? ["DATABASE_URL"] : []),
    ...(modules.brokerUrl === null ? ["BROKER_SECRET"] : []),
  ]);
  return secretSpecs({ secrets }).filter(({ name }) => !unused.has(name));
}

/** Names of the secrets, beside the two slots, that an origin of this environment cannot do without. */
export const neededSecrets = (use: SecretUse): readonly string[] =>
  usedSecrets(use)
    .filter(({ to }) => to.includes("origins"))
    .map(({ name }) => name);

/** GitHub: environment secrets carry the plain name; repository secrets carry the environment in front. */
export function githubSecretName(scope: "environment" | "repository", environment: string, name: string): string {
  return scope === "environment" ? name : `${environment.toUpperCase().replaceAll("-", "_")}_${name}`;
}

/** Koyeb: organisation-wide, therefore with the environment. Lower case, digits and dashes. */
export const koyebSecretName = (environment: string, name: string): string =>
  `mcpist-${environment}-${name.toLowerCase().replaceAll("_", "-")}`;

/** Koyeb's organisation secret for a slot of the gateway secret. */
export const koyebSlotSecret = (environment: string, slot: SlotName): string =>
  koyebSecretName(environment, `gateway-secret-${slot}`);

/** GitHub variable with `<slot>:<kid>` of the live secret. Information only. */
export const LIVE_VARIABLE = "GATEWAY_SECRET_LIVE";
/** The Worker's one secret_text binding. */
export const WORKER_BINDING = "GATEWAY_SECRET";
/** Ref that is lock, journal and audit trail of rotations. */
export const rotationRef = (environment: string): string => `refs/mcpist/rotation/${environment}`;
