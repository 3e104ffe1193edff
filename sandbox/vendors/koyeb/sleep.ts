/** Sleep of a Koyeb deployment: light keeps the memory, deep stops the process. Neither ever brings a newer environment. */
import { setTimeout as sleep } from "node:timers/promises";
import type { KoyebInstances } from "./instances.ts";
import { type KoyebDeployment, type KoyebInstance, mark } from "./records.ts";

/** After the load balancer has forgotten them and their open requests are answered. */
export async function putToSleep(
  instances: KoyebInstances,
  deployment: KoyebDeployment,
  depth: "light" | "deep",
): Promise<void> {
  mark(deployment, "SLEEPING");
  const awake = instances.of(deployment).filter((instance) => instance.running !== null);
  await Promise.all(
    awake.map(async (instance) => {
      mark(instance, "SLEEPING");
      await instances.withdraw(instance);
      if (depth === "light") instance.running?.instance.suspend();
      else await instances.stop(instance, "SLEEPING");
    }),
  );
}

/**
 * Light sleep resumes the memory; deep sleep boots new instances from the deployment's frozen environment.
 * @param boot starts processes and waits for their health. @param pauseMs before a cold start. @throws when a cold start fails.
 */
export async function wakeUp(
  instances: KoyebInstances,
  deployment: KoyebDeployment,
  boot: (fresh: readonly KoyebInstance[]) => Promise<void>,
  pauseMs: number,
): Promise<void> {
  const asleep = instances.of(deployment).filter((instance) => instance.status === "SLEEPING");
  const cold = asleep.filter((instance) => instance.running === null);
  for (const instance of asleep) {
    instance.running?.instance.resume();
    if (instance.running) instances.admit(instance);
    else mark(instance, "STOPPED");
  }
  // A cold start is a new instance of the same deployment.
  const fresh = cold.map((instance) => instances.allocate(deployment, instance.region, instance.replica));
  mark(deployment, fresh.length > 0 ? "STARTING" : "HEALTHY");
  if (fresh.length === 0) return;
  try {
    await sleep(pauseMs, undefined, { signal: deployment.abort.signal });
    await boot(fresh);
    for (const instance of fresh) instances.admit(instance);
    mark(deployment, "HEALTHY");
  } catch (error) {
    await Promise.all(fresh.map((instance) => instances.stop(instance, "ERROR")));
    if (deployment.status === "STARTING") mark(deployment, "UNHEALTHY");
    throw error;
  }
}
