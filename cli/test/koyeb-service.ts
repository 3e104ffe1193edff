/** A service at the emulator of Koyeb, as a deploy leaves it. */
import { koyebSlotSecret } from "../../contract/secret-names.ts";
import { until, type caller, type Json } from "../../sandbox/test/harness.ts";

/** A variable of the service, the organisation's secret that it names, and that secret's value; null = there is no such secret. */
export type Variable = readonly [variable: string, secret: string, value: string | null];

/** Both slots of the environment "production". */
export const slotVariables = (a: string | null, b: string | null): readonly Variable[] => [
  ["GATEWAY_SECRET_A", koyebSlotSecret("production", "a"), a],
  ["GATEWAY_SECRET_B", koyebSlotSecret("production", "b"), b],
];

/**
 * Makes the secrets, the app "mcpist" and its service "origin", which need not be healthy when this returns.
 * @param more members of the definition
 * @returns id of the service
 */
export async function deployKoyebService(
  call: ReturnType<typeof caller>,
  variables: readonly Variable[],
  more: Json = {},
): Promise<string> {
  for (const [, name, value] of variables)
    if (value !== null) await call("POST", "/v1/secrets", { name, type: "SIMPLE", value });
  const { json } = await call("POST", "/v1/apps", { name: "mcpist" });
  const made = await call("POST", "/v1/services", {
    app_id: json["app"]["id"],
    definition: {
      name: "origin",
      type: "WEB",
      regions: ["fra"],
      docker: { image: "sandbox.local/origin" },
      env: variables.map(([key, secret]) => ({ key, secret })),
      scalings: [{ min: 1, max: 3 }],
      ...more,
    },
  });
  return made.json["service"]["id"] as string;
}

const ENDED: ReadonlySet<unknown> = new Set(["STOPPED", "CANCELED", "ERROR"]);

/** Resolves when nothing is on its way: the service is healthy and serves from one deployment. */
export async function koyebSettled(call: ReturnType<typeof caller>, service: string): Promise<void> {
  await until(async () => {
    const { status } = (await call("GET", `/v1/services/${service}`)).json["service"] as Json;
    const { json } = await call("GET", `/v1/deployments?service_id=${service}&limit=100`);
    const running = (json["deployments"] as Json[]).filter((deployment) => !ENDED.has(deployment["status"]));
    return status === "HEALTHY" && running.length === 1;
  });
}
