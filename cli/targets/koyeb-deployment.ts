/** One deployment of a Koyeb service: what the platform says of it, and the wait until nothing older runs. */
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { Api } from "../http.ts";
import { pauseMs } from "../waits.ts";
import type { KoyebOrigin } from "./koyeb-api.ts";
import { presentInstances } from "./koyeb-instances.ts";
import { asObject, textAt, type Json } from "./json.ts";

/** Unit: milliseconds. */
const ROLLOUT_TIMEOUT_MS = 15 * 60_000;
const FAILED = new Set(["ERROR", "ERRORING", "CANCELED", "CANCELING", "STOPPED", "STOPPING", "STASHED", "UNHEALTHY"]);

/** Asleep, it is woken by a request. */
const SERVES: ReadonlySet<string> = new Set(["HEALTHY", "SLEEPING"]);

/** By its id. @throws as {@link Api.call}. */
export async function deploymentOf(api: Api, id: string): Promise<Json> {
  const { json } = await api.get(`/v1/deployments/${id}`);
  return asObject(asObject(json, "Koyeb's answer")["deployment"], "a Koyeb deployment");
}

/** Id of a service's newest deployment. @throws as {@link Api.call}. */
export async function latestOf(api: Api, service: string): Promise<string> {
  const { json } = await api.get(`/v1/services/${service}`);
  return textAt(asObject(json, "Koyeb's answer")["service"], "latest_deployment_id", "a Koyeb service");
}

/** True when none of its instances will serve. */
export const hasFailed = (made: Json): boolean => FAILED.has(textAt(made, "status", "a Koyeb deployment"));

/** Its status with the last that Koyeb says about it. */
export function stateOf(made: Json): string {
  const messages = Array.isArray(made["messages"]) ? made["messages"].filter((text) => typeof text === "string") : [];
  return [textAt(made, "status", "a Koyeb deployment"), ...messages.slice(-1)].join(": ");
}

/** Whose rollout is waited for. */
export interface Rollout {
  readonly context: Context;
  readonly api: Api;
  readonly origin: KoyebOrigin;
  /** Id of the service. */
  readonly service: string;
}

/**
 * Waits until deployment `first` is HEALTHY and no instance of an older one is left. The CLI's --wait takes SLEEPING and STASHED for
 * success; this does not. Somebody who deploys meanwhile overtakes it: that deployment was made after the secrets were written, and is
 * followed instead.
 * @throws {McpistError} ERR_VENDOR when it fails, ERR_TIMEOUT after 15 minutes.
 */
export async function rolledOut(rollout: Rollout, first: string): Promise<void> {
  const { context, origin } = rollout;
  let said = `${origin.name}: deployment ${first} to be healthy`;
  await context.waits.during(
    () => said,
    () => awaitRollout(rollout, first, (text) => (said = `${origin.name}: ${text}`)),
  );
}

/** What is said of those before deployment `id`: it may have been healthy for a moment, and then they are stopped. */
async function older(api: Api, service: string, id: string): Promise<string> {
  const lists = [`service_id=${service}`, `deployment_id=${id}`].map((query) => presentInstances(api, query));
  const [total, own] = await Promise.all(lists).catch(() => []);
  if (!total || !own) return "";
  const ids = new Set(own.map((instance) => instance["id"]));
  const serves = total.some((instance) => !ids.has(instance["id"]) && SERVES.has(String(instance["status"])));
  return serves ? "; the old one keeps serving" : "; no older one serves";
}

async function awaitRollout(
  { context, api, origin, service }: Rollout,
  first: string,
  say: (text: string) => void,
): Promise<void> {
  const began = context.monotonic();
  let id = first;
  for (;;) {
    const made = await deploymentOf(api, id);
    const status = textAt(made, "status", "a Koyeb deployment");
    say(
      status === "HEALTHY"
        ? `instances older than deployment ${id} to stop`
        : `deployment ${id} to be healthy (it is ${stateOf(made)})`,
    );
    if (hasFailed(made)) {
      const latest = await latestOf(api, service);
      if (latest !== id) {
        id = latest;
        continue;
      }
      throw new McpistError(
        "ERR_VENDOR",
        `Koyeb's deployment ${id} of ${origin.app}/${origin.service} ended ${stateOf(made)}${await older(api, service, id)}`,
        { hint: HINTS.koyebLogs(id) },
      );
    }
    if (status === "HEALTHY" || status === "SLEEPING") {
      const [total, fresh] = await Promise.all([
        presentInstances(api, `service_id=${service}`),
        presentInstances(api, `deployment_id=${id}`),
      ]);
      // By name, not by number: between the two readings an instance may come, and another one go.
      const own = new Set(fresh.map(({ id }) => id));
      if (fresh.length > 0 && total.every(({ id }) => own.has(id))) return;
    }
    const since = context.monotonic() - began;
    if (since > ROLLOUT_TIMEOUT_MS) {
      throw new McpistError(
        "ERR_TIMEOUT",
        `Koyeb's deployment ${id} is ${stateOf(made)} after ${ROLLOUT_TIMEOUT_MS / 60_000} min`,
        { hint: HINTS.koyebLogs(id) },
      );
    }
    await context.sleep(pauseMs(since));
  }
}
