/** Secrets of one's own: what they may be called, who may get them, and where a name is somebody else's already. Pure. */
import { SLOT_VARIABLES } from "./gateway-secret.ts";
import { markVariable } from "./marks.ts";
import { githubSecretName, koyebSecretName, SECRETS, type SecretPlace } from "./secret-names.ts";

/** Variables of an origin that are not one's own. */
const RESERVED_SECRETS: ReadonlySet<string> = new Set([
  ...SECRETS.map(({ name }) => name),
  "GATEWAY_SECRET",
  ...Object.values(SLOT_VARIABLES),
  "GATEWAY_RANGES",
  "PORT",
  "HOST",
  "DRAIN_SECONDS",
  "FLY_MACHINE_ID",
  "FLY_MACHINE_VERSION",
  "KOYEB_INSTANCE_ID",
  "KOYEB_REGIONAL_DEPLOYMENT_ID",
  "PATH",
  "HOME",
  "TMPDIR",
  "LANG",
]);
/** Read by mcpist, Node, the dynamic linker and the database driver; the last is how a mark is called. */
const RESERVED_SHAPE = /^(?:MCPIST_|NODE_|LD_|PG[A-Z]+$)|_MARK$/;
/** Bindings that the gateway's Worker has already. */
const WORKER_BINDINGS: ReadonlySet<string> = new Set(["BURST", "CF_VERSION_METADATA", "KV", "RL_AUTH", "RL_IP"]);
/** What the workflows of this project read; GitHub refuses the prefix itself. */
const GITHUB_SECRETS = /^(?:GITHUB_|(?:CLOUDFLARE_API|KOYEB|FLY_API)_TOKEN$|AWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY)$)/;

/** @returns why nobody may call a secret of their own so, whoever gets it; null when they may. */
export const nameFault = (name: string): string | null =>
  RESERVED_SECRETS.has(name) || RESERVED_SHAPE.test(name) ? "a name that mcpist or a platform uses itself" : null;

/** @returns why one of the places that are to get the secret cannot have it under that name; null when all can. */
export function placeFault(name: string, to: readonly SecretPlace[]): string | null {
  if (to.includes("worker") && WORKER_BINDINGS.has(name)) return "the gateway's Worker has a binding of that name";
  if (to.includes("github") && GITHUB_SECRETS.test(name)) return "GitHub or a workflow of mcpist uses that name itself";
  return null;
}

/** As much of an environment as decides what its secrets are called on the platforms. */
export interface NamedSecrets {
  readonly github: {
    readonly owner: string;
    readonly repo: string;
    readonly environment: string;
    readonly scope: "environment" | "repository";
  };
  readonly origins: readonly { readonly kind: string }[];
  readonly secrets: Readonly<Record<string, { readonly to: readonly SecretPlace[] }>>;
}

/**
 * Where names of several environments meet: Koyeb's secrets belong to the organisation, and a repository's to all environments of it.
 * @returns every secret by where it is kept; two environments with one key would overwrite each other.
 */
export function sharedPlaces(environment: string, named: NamedSecrets): ReadonlyMap<string, string> {
  const { github, origins, secrets } = named;
  const own = (place: SecretPlace) => Object.keys(secrets).filter((name) => secrets[name]?.to.includes(place));
  const marked = [...SECRETS.map(({ name }) => name), ...own("origins")].flatMap((name) => [name, markVariable(name)]);
  const slots = Object.values(SLOT_VARIABLES);
  const places = new Map<string, string>();
  if (origins.some(({ kind }) => kind === "koyeb"))
    for (const name of [...slots, ...marked]) places.set(`Koyeb: ${koyebSecretName(environment, name)}`, name);
  if (github.scope === "repository")
    for (const name of [...slots, ...own("github")])
      places.set(
        `GitHub ${github.owner}/${github.repo}: ${githubSecretName("repository", github.environment, name)}`,
        name,
      );
  return places;
}
