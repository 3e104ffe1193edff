/** What the Koyeb emulator knows, and how it looks on the wire. Statuses stay inside the vendor's enums. */
import type { Backend } from "../edge.ts";
import type { Instance } from "../../processes/instance.ts";
import { note } from "./lists.ts";

export type DeploymentStatus =
  | "PENDING"
  | "PROVISIONING"
  | "SCHEDULED"
  | "CANCELING"
  | "CANCELED"
  | "ALLOCATING"
  | "STARTING"
  | "HEALTHY"
  | "DEGRADED"
  | "UNHEALTHY"
  | "STOPPING"
  | "STOPPED"
  | "ERRORING"
  | "ERROR"
  | "STASHED"
  | "SLEEPING";
export type ServiceStatus =
  | "STARTING"
  | "HEALTHY"
  | "DEGRADED"
  | "UNHEALTHY"
  | "DELETING"
  | "DELETED"
  | "PAUSING"
  | "PAUSED"
  | "RESUMING";
export type InstanceStatus =
  | "ALLOCATING"
  | "STARTING"
  | "HEALTHY"
  | "UNHEALTHY"
  | "STOPPING"
  | "STOPPED"
  | "ERROR"
  | "SLEEPING";

/** The one organisation of the sandbox. */
export const ORGANIZATION = { id: "b5f8a2de-0000-4000-8000-00000000c0de", name: "sandbox-org" } as const;

/** An organisation secret; REGISTRY secrets keep their registry object in `rest`. */
export interface KoyebSecret {
  readonly id: string;
  name: string;
  type: "SIMPLE" | "REGISTRY" | "MANAGED";
  value: string;
  readonly createdAt: Date;
  updatedAt: Date;
}

export interface KoyebApp {
  readonly id: string;
  name: string;
  readonly createdAt: Date;
  updatedAt: Date;
}

/** One variable of a definition: a literal, or the name of a secret. */
export interface EnvEntry {
  readonly key: string;
  readonly value?: string | undefined;
  readonly secret?: string | undefined;
}

/** A service definition as it was sent; only what the emulator acts on is named. */
export interface Definition {
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  readonly strategy?: { readonly type?: string | undefined } | undefined;
  readonly env?: readonly EnvEntry[] | undefined;
  readonly regions?: readonly string[] | undefined;
  readonly scalings?: readonly { readonly min?: number | undefined; readonly max?: number | undefined }[] | undefined;
  readonly instance_types?: readonly { readonly type?: string | undefined }[] | undefined;
  readonly health_checks?:
    | readonly { readonly http?: { readonly path?: string | undefined } | undefined }[]
    | undefined;
}

export interface KoyebService {
  readonly id: string;
  readonly appId: string;
  readonly name: string;
  status: ServiceStatus;
  definition: Definition;
  /** Counts every change of the service. */
  version: number;
  /** Some deployment got past its build, so that `skip_build` has an image to use. */
  built: boolean;
  activeId: string | null;
  latestId: string | null;
  readonly createdAt: Date;
  updatedAt: Date;
}

export interface KoyebDeployment {
  readonly id: string;
  readonly regionalId: string;
  readonly serviceId: string;
  readonly appId: string;
  readonly version: number;
  readonly definition: Definition;
  readonly skipBuild: boolean;
  /** The environment as it was when the deployment was made: every instance of it starts with this, however late. */
  readonly environment: Readonly<Record<string, string>>;
  readonly missingSecrets: readonly string[];
  status: DeploymentStatus;
  messages: string[];
  /** Ends the walk, a cold start or a restart that is under way. */
  readonly abort: AbortController;
  /** Instances that ended on their own and were replaced. */
  restarts: number;
  readonly createdAt: Date;
  updatedAt: Date;
}

export interface KoyebInstance {
  readonly id: string;
  readonly deployment: KoyebDeployment;
  readonly region: string;
  readonly replica: number;
  status: InstanceStatus;
  /** The load balancer may choose it. */
  routed: boolean;
  messages: string[];
  /** Null before it listens and after it has ended. */
  running: { readonly instance: Instance; readonly backend: Backend } | null;
  readonly createdAt: Date;
  updatedAt: Date;
}

/** Sets the status and the time of the last change. */
export function mark<T extends { status: string; updatedAt: Date }>(record: T, status: T["status"]): void {
  record.status = status;
  record.updatedAt = new Date();
  note(record);
}

/** The environment of a definition with the secrets as they are at this moment. */
export function freeze(
  definition: Definition,
  secrets: Iterable<KoyebSecret>,
): Pick<KoyebDeployment, "environment" | "missingSecrets"> {
  const byName = new Map([...secrets].map((secret) => [secret.name, secret.value]));
  const environment: Record<string, string> = {};
  const missingSecrets: string[] = [];
  for (const { key, value, secret } of definition.env ?? []) {
    const text = secret === undefined || secret === "" ? (value ?? "") : byName.get(secret);
    if (text === undefined) missingSecrets.push(secret ?? "");
    else environment[key] = text;
  }
  return { environment, missingSecrets };
}

const organization_id = ORGANIZATION.id;
const times = (record: { readonly createdAt: Date; readonly updatedAt: Date }) => ({
  created_at: record.createdAt.toISOString(),
  updated_at: record.updatedAt.toISOString(),
});

/** A secret without its value: only `reveal` gives that back. */
export const secretOnWire = (secret: KoyebSecret) => ({
  id: secret.id,
  name: secret.name,
  organization_id,
  project_id: "",
  type: secret.type,
  ...times(secret),
  value: "",
});

export const appOnWire = (app: KoyebApp, status: ServiceStatus) => ({
  id: app.id,
  name: app.name,
  organization_id,
  ...times(app),
  status,
  messages: [],
  version: "1",
  domains: [
    {
      id: app.id.replace(/^.{8}/, "d0d0d0d0"),
      organization_id,
      name: `${app.name}-${ORGANIZATION.name}.koyeb.app`,
      ...times(app),
      status: "ACTIVE",
      type: "AUTOASSIGNED",
      app_id: app.id,
      messages: [],
      version: "1",
    },
  ],
});

export const serviceOnWire = (service: KoyebService) => ({
  id: service.id,
  name: service.name,
  type: service.definition.type ?? "WEB",
  organization_id,
  app_id: service.appId,
  ...times(service),
  status: service.status,
  messages: [],
  version: String(service.version),
  active_deployment_id: service.activeId ?? "",
  latest_deployment_id: service.latestId ?? "",
});

export const deploymentOnWire = (deployment: KoyebDeployment) => ({
  id: deployment.id,
  organization_id,
  app_id: deployment.appId,
  service_id: deployment.serviceId,
  ...times(deployment),
  status: deployment.status,
  definition: deployment.definition,
  messages: deployment.messages,
  skip_build: deployment.skipBuild,
  version: String(deployment.version),
});

/** An item of a list has less than the record itself. */
export function appListed(app: ReturnType<typeof appOnWire>) {
  const { version: _, ...item } = app;
  return item;
}
export function deploymentListed(deployment: KoyebDeployment) {
  const { skip_build: _, ...item } = deploymentOnWire(deployment);
  return item;
}

export const instanceOnWire = (instance: KoyebInstance) => ({
  id: instance.id,
  organization_id,
  app_id: instance.deployment.appId,
  service_id: instance.deployment.serviceId,
  regional_deployment_id: instance.deployment.regionalId,
  allocation_id: instance.id,
  ...times(instance),
  type: instance.deployment.definition.instance_types?.[0]?.type ?? "free",
  replica_index: instance.replica,
  region: instance.region,
  datacenter: `${instance.region}1`,
  status: instance.status,
  messages: instance.messages,
  xyz_deployment_id: instance.deployment.id,
});
