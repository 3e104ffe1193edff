/** Asks the platforms what no plan has read. Reads only; follows no redirect, because a token goes along. */
import { setTimeout as sleep } from "node:timers/promises";
import { authorizationOf } from "../contract/authorization.ts";
import { jsonWithin, TooLongError } from "../contract/bounded-body.ts";
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
type Pause = (ms: number) => Promise<unknown>;
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

/** A question to a platform. @param what for the sentence when it cannot be read. @throws when the platform does not answer with it. */
type Ask = (platform: Platform, path: string, what: string) => Promise<unknown>;

/** What a platform says, or in a few words why it says nothing. */
type Answer =
  | { readonly value: unknown; readonly fault: null }
  | { readonly fault: string; /** Another time it may answer. */ readonly passing: boolean };

/** Before each question that is asked again. Unit: milliseconds. */
const PAUSES_MS = [1000, 3000];

/** What lies behind "fetch failed". Nothing of an answer or a header is in it, as there may be in an error's own words. */
function faultOf(error: unknown): Answer {
  if (error instanceof SyntaxError) return { fault: ": no JSON", passing: false };
  if (error instanceof TooLongError) return { fault: `: ${error.message}`, passing: false };
  if (!(error instanceof Error)) return { fault: ": it cannot be asked", passing: false };
  if (error.name === "TimeoutError") return { fault: `: no answer in ${TIMEOUT_MS / 1000} s`, passing: true };
  const { cause } = error;
  if (!(cause instanceof Error)) return { fault: `: it cannot be asked (${error.name})`, passing: false };
  const { code } = cause as NodeJS.ErrnoException;
  return { fault: `: ${code ?? cause.message}`, passing: true };
}

/** @param token name of the variable that holds it. */
async function answerOf(url: string, variables: Variables, token: string): Promise<Answer> {
  try {
    const response = await fetch(url, {
      headers: { authorization: authorizationOf(variables[token] ?? "") },
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.ok) return { value: await jsonWithin(response, LONGEST_ANSWER), fault: null };
    await response.body?.cancel();
    const { status } = response;
    const whose = status === 401 || status === 403 ? ` to the token in ${token}` : "";
    return { fault: ` answered ${status}${whose}`, passing: status === 429 || status >= 500 };
  } catch (error) {
    return faultOf(error);
  }
}

/** A hiccup of a platform must not make the day red. */
const asking =
  (variables: Variables, pause: Pause): Ask =>
  async ({ address, token, otherwise }, path, what) => {
    const base = (variables[address] || otherwise).replace(/\/$/, "");
    if (!isSafeUrl(base)) throw new Error(`${address} must be https, or http on loopback`);
    for (let asked = 0; ; asked += 1) {
      const answer = await answerOf(base + path, variables, token);
      if (answer.fault === null) return answer.value;
      const ms = answer.passing ? PAUSES_MS[asked] : undefined;
      if (ms === undefined) throw new Error(`${what} cannot be read: ${new URL(base).host}${answer.fault}`);
      await pause(ms);
    }
  };

const member = (value: unknown, name: string): Json => {
  const found = isRecord(value) ? value[name] : null;
  return isRecord(found) ? found : {};
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** @throws where there is no list: an answer that says nothing must not count as nothing there. */
function listIn(answer: unknown, name: string, what: string): readonly Json[] {
  const found = isRecord(answer) ? answer[name] : null;
  if (!Array.isArray(found)) throw new Error(`${what} cannot be read: the answer has no list "${name}"`);
  return found.filter(isRecord);
}

async function workerDrift(ask: Ask, worker: PlannedWorker): Promise<readonly string[]> {
  const { accountId, name } = worker;
  const path = `/accounts/${accountId}/workers/scripts/${name}/settings`;
  const settings = member(await ask(CLOUDFLARE, path, `the settings of Worker ${name}`), "result");
  return [...bindingDrift(worker.bindings, blocks(settings, "bindings")), ...settingDrift(worker, settings)];
}

async function namesOfWorker(ask: Ask, planned: PlannedHostname): Promise<readonly string[]> {
  const { accountId, zoneId, hostname, worker } = planned;
  const ofZone = `the Worker routes of the zone of ${hostname}`;
  const ofWorker = `the hostnames of Worker ${worker}`;
  const [routes, domains] = await Promise.all([
    ask(CLOUDFLARE, `/zones/${zoneId}/workers/routes`, ofZone),
    ask(CLOUDFLARE, `/accounts/${accountId}/workers/domains?service=${worker}`, ofWorker),
  ]);
  return hostnameDrift(planned, listIn(routes, "result", ofZone), listIn(domains, "result", ofWorker));
}

async function koyebDrift(ask: Ask, service: PlannedService): Promise<readonly string[]> {
  const what = `Koyeb service ${service.id}`;
  const live = member(await ask(KOYEB, `/v1/services/${service.id}`, what), "service");
  const latest = `/v1/deployments/${String(live["latest_deployment_id"])}`;
  const deployment = member(await ask(KOYEB, latest, `the deployment of ${what}`), "deployment");
  return serviceDrift(service, live, member(deployment, "definition"));
}

async function flyDrift(
  ask: Ask,
  app: string,
  machines: readonly PlannedMachine[],
  secrets: OwnSecrets | null,
): Promise<readonly string[]> {
  const ofSecrets = `the names of the secrets of ${app}`;
  const [live, held] = await Promise.all([
    ask(FLY, `/v1/apps/${app}/machines`, `the Machines of ${app}`),
    secrets === null ? {} : ask(FLY, `/v1/apps/${app}/secrets`, ofSecrets),
  ]);
  if (!Array.isArray(live)) throw new Error(`the Machines of ${app} cannot be read: no list`);
  const own = machines.filter((machine) => machine.app === app);
  return [
    ...machinesDrift(own, live.filter(isRecord)),
    ...(secrets === null ? [] : appSecretDrift(app, listIn(held, "secrets", ofSecrets), secrets)),
  ];
}

async function addressesDrift(ask: Ask, planned: PlannedAddresses): Promise<readonly string[]> {
  const path = `/v1/apps/${planned.app}/ip_assignments`;
  const what = `the addresses of ${planned.app}`;
  return addressDrift(planned, listIn(await ask(FLY, path, what), "ips", what));
}

async function branchesDrift(ask: Ask, planned: PlannedBranches): Promise<readonly string[]> {
  const { owner, repository, environment } = planned;
  const path = `/repos/${owner}/${repository}/environments/${encodeURIComponent(environment)}/deployment-branch-policies?per_page=100`;
  const what = `the branches of environment ${environment}`;
  return branchDrift(planned, listIn(await ask(GITHUB, path, what), "branch_policies", what));
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
  pause: Pause = sleep,
): Promise<{ readonly found: readonly string[]; readonly unread: readonly string[] }> {
  const { addresses, types } = changedBy(document);
  const still = <T>(type: string, planned: readonly T[]): readonly T[] => (types.has(type) ? [] : planned);
  const machines = still("fly_machine", plannedMachines(document));
  const ask = asking(variables, pause);
  const asked = await Promise.allSettled([
    ...still("cloudflare_workers_script", plannedWorkers(document)).map((worker) => workerDrift(ask, worker)),
    ...still("cloudflare_workers_custom_domain", plannedHostnames(document)).map((hostname) =>
      namesOfWorker(ask, hostname),
    ),
    ...still("koyeb_service", plannedServices(document)).map((service) => koyebDrift(ask, service)),
    ...[...new Set(machines.map(({ app }) => app))].map((app) => flyDrift(ask, app, machines, secrets)),
    ...still("fly_ip", plannedAddresses(document)).map((planned) => addressesDrift(ask, planned)),
    ...still("github_repository_environment_deployment_policy", plannedBranches(document)).map((planned) =>
      branchesDrift(ask, planned),
    ),
  ]);
  const hidden = hiddenDrift(document).filter((sentence) => !addresses.has(sentence.split(":", 1)[0] ?? ""));
  return {
    found: [...hidden, ...asked.flatMap((each) => (each.status === "fulfilled" ? each.value : []))],
    unread: asked.flatMap((each) => (each.status === "rejected" ? [messageOf(each.reason)] : [])),
  };
}
