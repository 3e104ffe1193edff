/**
 * What stands beside a plan: things that somebody made by hand and that change who reaches an origin, who runs in place of the gateway, or
 * who may read a secret. A plan never shows them, because it looks at nothing but what it made. Pure; names only, never a value.
 */
import { SLOT_VARIABLES } from "../contract/gateway-secret.ts";
import { markVariable } from "../contract/marks.ts";
import { type OwnSecret, secretSpecs } from "../contract/secret-names.ts";
import { blocks, type PolicyDocument } from "./document.ts";

type Json = Readonly<Record<string, unknown>>;

const managed = ({ resources }: PolicyDocument, type: string): readonly Json[] =>
  resources.filter((resource) => resource.mode === "managed" && resource.type === type).map(({ values }) => values);
const texts = (values: readonly Json[], name: string): readonly string[] => values.map((each) => String(each[name]));

/** An app of Fly.io with its addresses. */
export interface PlannedAddresses {
  readonly app: string;
  readonly addresses: readonly string[];
}

/** Apps whose addresses a plan has. */
export function plannedAddresses(document: PolicyDocument): readonly PlannedAddresses[] {
  const all = managed(document, "fly_ip");
  return [...new Set(texts(all, "app"))].map((app) => ({
    app,
    addresses: texts(
      all.filter((each) => each["app"] === app),
      "address",
    ),
  }));
}

/** @param live the answer's `ips`. One for egress leads to no Machine. */
export const addressDrift = ({ app, addresses }: PlannedAddresses, live: readonly Json[]): readonly string[] =>
  texts(
    live.filter(({ egress }) => egress !== true),
    "ip",
  )
    .filter((ip) => !addresses.includes(ip))
    .map((ip) => `app ${app}: address ${ip} is in no plan`);

/** Variables of an origin that come from Fly's secrets: what mcpist writes there, the secret of an older scheme too. */
const knownSecrets = (secrets: Readonly<Record<string, OwnSecret>>): ReadonlySet<string> =>
  new Set([
    ...Object.values(SLOT_VARIABLES),
    "GATEWAY_SECRET",
    ...secretSpecs({ secrets }).flatMap(({ name }) => [name, markVariable(name)]),
  ]);

/**
 * A secret of an app is a variable of each of its Machines, whoever wrote it: NODE_OPTIONS, for one, decides what code runs.
 * @param live the answer's `secrets`. @param secrets of one's own, as configured.
 */
export const appSecretDrift = (
  app: string,
  live: readonly Json[],
  secrets: Readonly<Record<string, OwnSecret>>,
): readonly string[] =>
  texts(live, "name")
    .filter((name) => !knownSecrets(secrets).has(name))
    .map((name) => `app ${app}: secret ${name} is in no plan`);

/** The name under which a Worker answers. */
export interface PlannedHostname {
  readonly accountId: string;
  readonly zoneId: string;
  readonly hostname: string;
  readonly worker: string;
}

/** The hostnames that a plan has. */
export const plannedHostnames = (document: PolicyDocument): readonly PlannedHostname[] =>
  managed(document, "cloudflare_workers_custom_domain").map((values) => ({
    accountId: String(values["account_id"]),
    zoneId: String(values["zone_id"]),
    hostname: String(values["hostname"]),
    worker: String(values["service"]),
  }));

/** Whether a route's pattern takes requests of a hostname. It begins with the host, where `*` stands for anything. */
function covers(pattern: string, hostname: string): boolean {
  const [host = ""] = pattern.replace(/^[*a-z]+:\/\//, "").split("/", 1);
  const parts = host.split("*").map((part) => part.replaceAll(/[\\^$+?.()|[\]{}]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "i").test(hostname);
}

/**
 * A route comes before a hostname, so one that covers it takes the gateway's place, or, without a script, takes it away.
 * @param routes of the zone. @param domains of the account.
 */
export function hostnameDrift(
  { hostname, worker }: PlannedHostname,
  routes: readonly Json[],
  domains: readonly Json[],
): readonly string[] {
  const wrong = routes.filter(({ pattern, script }) => script === worker || covers(String(pattern), hostname));
  const more = domains.filter((domain) => domain["service"] === worker && domain["hostname"] !== hostname);
  return [
    ...texts(wrong, "pattern").map((pattern) => `Worker ${worker}: route ${pattern} is in no plan`),
    ...texts(more, "hostname").map((name) => `Worker ${worker}: hostname ${name} is in no plan`),
  ];
}

/** An environment at GitHub, and the branches whose workflows may read its secrets. */
export interface PlannedBranches {
  readonly owner: string;
  readonly repository: string;
  readonly environment: string;
  readonly patterns: readonly string[];
}

/** Environments whose branches a plan has. */
export function plannedBranches(document: PolicyDocument): readonly PlannedBranches[] {
  const all = managed(document, "github_repository_environment_deployment_policy");
  const provider = document.settings.find(({ address }) => address === "provider.github")?.values ?? {};
  const owner = blocks(provider, "owner")[0]?.["constant_value"];
  if (typeof owner !== "string") return [];
  return [...new Set(texts(all, "environment"))].map((environment) => {
    const own = all.filter((each) => each["environment"] === environment);
    const patterns = texts(own, "branch_pattern");
    return { owner, repository: String(own[0]?.["repository"]), environment, patterns };
  });
}

/** @param live the answer's `branch_policies`. */
export const branchDrift = ({ environment, patterns }: PlannedBranches, live: readonly Json[]): readonly string[] =>
  live
    .filter(({ name, type }) => type === "tag" || !patterns.includes(String(name)))
    .map(
      ({ name, type }) =>
        `environment ${environment}: ${type === "tag" ? "tag" : "branch"} pattern ${String(name)} is in no plan`,
    );
