/** Asks the platforms what no plan has read. Reads only; follows no redirect, because a token goes along. */
import { authorizationOf } from "../contract/authorization.ts";
import { jsonWithin } from "../contract/bounded-body.ts";
import { isRecord } from "../contract/json.ts";
import { isSafeUrl } from "../contract/safe-url.ts";
import type { OwnSecret } from "../contract/secret-names.ts";
import {
  addressDrift,
  appSecretDrift,
  branchDrift,
  hostnameDrift,
  type PlannedAddresses,
  plannedAddresses,
  type PlannedBranches,
  plannedBranches,
  type PlannedHostname,
  plannedHostnames,
} from "./live-beside.ts";
import { bindingDrift, type PlannedWorker, plannedWorkers, settingDrift } from "./live-bindings.ts";
import {
  machinesDrift,
  type PlannedMachine,
  plannedMachines,
  type PlannedService,
  plannedServices,
  serviceDrift,
} from "./live-origins.ts";
import { blocks, changedBy, type PolicyDocument } from "./document.ts";
import { hiddenDrift } from "./live-state.ts";

type Json = Readonly<Record<string, unknown>>;
type Variables = Readonly<Record<string, string | undefined>>;
type OwnSecrets = Readonly<Record<string, OwnSecret>>;

const TIMEOUT_MS = 30_000;
/** Unit: bytes. */
const LONGEST_ANSWER = 16 * 1024 * 1024;

interface Platform {
  /** Variables that the Terraform provider, or the vendor's own client, reads too. */
  readonly address: string;
  readonly token: string;
  readonly otherwise: string;
}
const CLOUDFLARE: Platform = {
  address: "CLOUDFLARE_BASE_URL",
  token: "CLOUDFLARE_API_TOKEN",
  otherwise: "https://api.cloudflare.com/client/v4",
};
const KOYEB: Platform = { address: "KOYEB_URL", token: "KOYEB_TOKEN", otherwise: "https://app.koyeb.com" };
const FLY: Platform = {
  address: "FLY_FLAPS_BASE_URL",
  token: "FLY_API_TOKEN",
  otherwise: "https://api.machines.dev",
};

/** The path of its API comes with the address, where there is one of one's own. */
const GITHUB: Platform = { address: "GITHUB_BASE_URL", token: "GITHUB_TOKEN", otherwise: "https://api.github.com" };

/** @param what for the sentence when it cannot be read. @throws when the platform does not answer with it. */
async function ask(
  variables: Variables,
  { address, token, otherwise }: Platform,
  path: string,
  what: string,
): Promise<unknown> {
  const base = (variables[address] || otherwise).replace(/\/$/, "");
  if (!isSafeUrl(base)) throw new Error(`${address} must be https, or http on loopback`);
  const response = await fetch(base + path, {
    headers: { authorization: authorizationOf(variables[token] ?? "") },
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`${what} cannot be read: ${new URL(base).host} answered ${response.status}`);
  return jsonWithin(response, LONGEST_ANSWER);
}

const member = (value: unknown, name: string): Json => {
  const found = isRecord(value) ? value[name] : null;
  return isRecord(found) ? found : {};
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** @throws where there is no list: an answer that says nothing must not count as nothing there. */
function listIn(answer: unknown, name: string): readonly Json[] {
  const found = isRecord(answer) ? answer[name] : null;
  if (!Array.isArray(found)) throw new Error(`an answer has no list "${name}"`);
  return found.filter(isRecord);
}

async function workerDrift(variables: Variables, worker: PlannedWorker): Promise<readonly string[]> {
  const { accountId, name } = worker;
  const path = `/accounts/${accountId}/workers/scripts/${name}/settings`;
  const settings = member(await ask(variables, CLOUDFLARE, path, `the settings of Worker ${name}`), "result");
  return [...bindingDrift(worker.bindings, blocks(settings, "bindings")), ...settingDrift(worker, settings)];
}

async function namesOfWorker(variables: Variables, planned: PlannedHostname): Promise<readonly string[]> {
  const { accountId, zoneId, hostname, worker } = planned;
  const [routes, domains] = await Promise.all([
    ask(variables, CLOUDFLARE, `/zones/${zoneId}/workers/routes`, `the Worker routes of the zone of ${hostname}`),
    ask(variables, CLOUDFLARE, `/accounts/${accountId}/workers/domains?service=${worker}`, `hostnames of ${worker}`),
  ]);
  return hostnameDrift(planned, listIn(routes, "result"), listIn(domains, "result"));
}

async function koyebDrift(variables: Variables, service: PlannedService): Promise<readonly string[]> {
  const what = `Koyeb service ${service.id}`;
  const live = member(await ask(variables, KOYEB, `/v1/services/${service.id}`, what), "service");
  const latest = `/v1/deployments/${String(live["latest_deployment_id"])}`;
  const deployment = member(await ask(variables, KOYEB, latest, `the deployment of ${what}`), "deployment");
  return serviceDrift(service, live, member(deployment, "definition"));
}

async function flyDrift(
  variables: Variables,
  app: string,
  machines: readonly PlannedMachine[],
  secrets: OwnSecrets | null,
): Promise<readonly string[]> {
  const [live, held] = await Promise.all([
    ask(variables, FLY, `/v1/apps/${app}/machines`, `the Machines of ${app}`),
    secrets === null ? {} : ask(variables, FLY, `/v1/apps/${app}/secrets`, `the names of the secrets of ${app}`),
  ]);
  if (!Array.isArray(live)) throw new Error(`the Machines of ${app} cannot be read: no list`);
  const own = machines.filter((machine) => machine.app === app);
  return [
    ...machinesDrift(own, live.filter(isRecord)),
    ...(secrets === null ? [] : appSecretDrift(app, listIn(held, "secrets"), secrets)),
  ];
}

async function addressesDrift(variables: Variables, planned: PlannedAddresses): Promise<readonly string[]> {
  const path = `/v1/apps/${planned.app}/ip_assignments`;
  return addressDrift(planned, listIn(await ask(variables, FLY, path, `the addresses of ${planned.app}`), "ips"));
}

async function branchesDrift(variables: Variables, planned: PlannedBranches): Promise<readonly string[]> {
  const { owner, repository, environment } = planned;
  const path = `/repos/${owner}/${repository}/environments/${encodeURIComponent(environment)}/deployment-branch-policies?per_page=100`;
  const what = `the branches of environment ${environment}`;
  return branchDrift(planned, listIn(await ask(variables, GITHUB, path, what), "branch_policies"));
}

/**
 * What differs although a stack's plan does not say so. What the plan itself changes is not looked at: its words are enough, and its ids
 * may not exist yet.
 * @param secrets of one's own, as configured; null = not known, so nobody asks which ones an app has.
 * @returns one sentence for each thing, and one for each that a platform did not say: it hides nothing else.
 */
export async function differences(
  document: PolicyDocument,
  variables: Variables,
  secrets: OwnSecrets | null,
): Promise<{ readonly found: readonly string[]; readonly unread: readonly string[] }> {
  const { addresses, types } = changedBy(document);
  const still = <T>(type: string, planned: readonly T[]): readonly T[] => (types.has(type) ? [] : planned);
  const machines = still("fly_machine", plannedMachines(document));
  const asked = await Promise.allSettled([
    ...still("cloudflare_workers_script", plannedWorkers(document)).map((worker) => workerDrift(variables, worker)),
    ...still("cloudflare_workers_custom_domain", plannedHostnames(document)).map((hostname) =>
      namesOfWorker(variables, hostname),
    ),
    ...still("koyeb_service", plannedServices(document)).map((service) => koyebDrift(variables, service)),
    ...[...new Set(machines.map(({ app }) => app))].map((app) => flyDrift(variables, app, machines, secrets)),
    ...still("fly_ip", plannedAddresses(document)).map((planned) => addressesDrift(variables, planned)),
    ...still("github_repository_environment_deployment_policy", plannedBranches(document)).map((planned) =>
      branchesDrift(variables, planned),
    ),
  ]);
  const hidden = hiddenDrift(document).filter((sentence) => !addresses.has(sentence.split(":", 1)[0] ?? ""));
  return {
    found: [...hidden, ...asked.flatMap((each) => (each.status === "fulfilled" ? each.value : []))],
    unread: asked.flatMap((each) => (each.status === "rejected" ? [messageOf(each.reason)] : [])),
  };
}
