/** Asks the platforms what no plan has read. Reads only; follows no redirect, because a token goes along. */
import { authorizationOf } from "../contract/authorization.ts";
import { jsonWithin } from "../contract/bounded-body.ts";
import { isRecord } from "../contract/json.ts";
import { isSafeUrl } from "../contract/safe-url.ts";
import { bindingDrift, type PlannedWorker, plannedWorkers } from "./live-bindings.ts";
import { machinesDrift, plannedMachines, plannedServices, serviceDrift } from "./live-origins.ts";
import { blocks, type PolicyDocument } from "./document.ts";
import { hiddenDrift } from "./live-state.ts";

type Json = Readonly<Record<string, unknown>>;
type Variables = Readonly<Record<string, string | undefined>>;

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
  if (!response.ok) throw new Error(`${what} cannot be read: ${response.status}`);
  return jsonWithin(response, LONGEST_ANSWER);
}

const member = (value: unknown, name: string): Json => {
  const found = isRecord(value) ? value[name] : null;
  return isRecord(found) ? found : {};
};

async function workerDrift(variables: Variables, { accountId, name, bindings }: PlannedWorker) {
  const path = `/accounts/${accountId}/workers/scripts/${name}/settings`;
  const answer = await ask(variables, CLOUDFLARE, path, `the settings of Worker ${name}`);
  return bindingDrift(bindings, blocks(member(answer, "result"), "bindings"));
}

/**
 * What differs although the stack's plan is empty.
 * @returns one sentence each. @throws when a platform does not say.
 */
export async function differences(document: PolicyDocument, variables: Variables): Promise<readonly string[]> {
  const found = [...hiddenDrift(document)];
  for (const worker of plannedWorkers(document)) found.push(...(await workerDrift(variables, worker)));
  for (const service of plannedServices(document)) {
    const what = `Koyeb service ${service.id}`;
    const live = member(await ask(variables, KOYEB, `/v1/services/${service.id}`, what), "service");
    const latest = `/v1/deployments/${String(live["latest_deployment_id"])}`;
    const deployment = member(await ask(variables, KOYEB, latest, `the deployment of ${what}`), "deployment");
    found.push(...serviceDrift(service, live, member(deployment, "definition")));
  }
  const machines = plannedMachines(document);
  for (const app of new Set(machines.map((machine) => machine.app))) {
    const live = await ask(variables, FLY, `/v1/apps/${app}/machines`, `the Machines of ${app}`);
    const own = machines.filter((machine) => machine.app === app);
    if (!Array.isArray(live)) throw new Error(`the Machines of ${app} cannot be read: no list`);
    found.push(...machinesDrift(own, live.filter(isRecord)));
  }
  return found;
}
