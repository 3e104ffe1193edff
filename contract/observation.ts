/**
 * What a party answers on `GET /.well-known/mcpist/gateway`: which kids it sends or accepts. Never a secret.
 * The parsers are strict: a field that is missing makes the observation worthless, and "in sync" needs evidence.
 */
import { parseMarkList, parseMarks, type Marks } from "./marks.ts";
import { isKid } from "./gateway-secret.ts";
import { isRecord } from "./json.ts";
import { parseKids, type KidsReport } from "./slots.ts";

/** Nothing that a party says of itself is longer. Unit: bytes. */
export const LONGEST_REPORT = 1024 * 1024;

/** Per accepted kid: age of its last acceptance in whole seconds by the instance's own clock; null = never since it started. */
export type LastAccepted = Readonly<Record<string, number | null>>;

/**
 * Per accepted kid: age in whole seconds of its last acceptance from inside and from outside the gateway's platform, as the origin's
 * platform attests the peer (null = none since the instance started), and how many came from outside.
 */
export type Peers = Readonly<
  Record<string, { readonly inside: number | null; readonly outside: number | null; readonly outsideCount: number }>
>;

/** Answer of one origin instance. */
export interface OriginObservation {
  readonly role: "origin";
  /** The platform's id of this instance (FLY_MACHINE_ID, KOYEB_INSTANCE_ID). */
  readonly instanceId: string;
  /** The platform's id of what was rolled out (FLY_MACHINE_VERSION, KOYEB_REGIONAL_DEPLOYMENT_ID). */
  readonly deployment: string;
  readonly kids: KidsReport;
  readonly lastAccepted: LastAccepted;
  /** Absent at origins that are older than the field. */
  readonly peers?: Peers;
  /** Only when the request carried a gateway header: would it have been accepted? */
  readonly accepted?: boolean;
  /** Marks of the other secrets that it booted with; absent in answers of older origins. */
  readonly marks?: Marks;
}

/** What the gateway saw when it probed one origin with its own secret. */
export interface ProbeReport {
  readonly origin: string;
  /** HTTP status of the origin's answer; 0 = no answer. */
  readonly status: number;
  readonly observation: OriginObservation | null;
}

/** Answer of the gateway. */
export interface WorkerObservation {
  readonly role: "worker";
  /** Random per isolate. */
  readonly instanceId: string;
  /** The Worker version id. */
  readonly deployment: string;
  /** Kid of the secret that this version sends; null without a usable one. */
  readonly kid: string | null;
  readonly lastAccepted: LastAccepted;
  /** Only with `?origin=<name>`. */
  readonly via?: ProbeReport;
  /** Marks of the secrets of one's own that this version is bound to, without their names; absent at older gateways. */
  readonly marks?: readonly string[];
}

const isText = (value: unknown): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= 200;

function parseLastAccepted(value: unknown): LastAccepted | undefined {
  if (!isRecord(value)) return undefined;
  const ages: Record<string, number | null> = {};
  for (const [kid, age] of Object.entries(value)) {
    if (!isKid(kid)) return undefined;
    if (age !== null && !(typeof age === "number" && Number.isSafeInteger(age) && age >= 0)) return undefined;
    ages[kid] = age;
  }
  return ages;
}

const isAge = (value: unknown): value is number | null =>
  value === null || (typeof value === "number" && Number.isSafeInteger(value) && value >= 0);

function parsePeers(value: unknown): Peers | undefined {
  if (!isRecord(value)) return undefined;
  const peers: Record<string, Peers[string]> = {};
  for (const [kid, seen] of Object.entries(value)) {
    if (!isKid(kid) || !isRecord(seen)) return undefined;
    const { inside, outside, outsideCount } = seen;
    if (!isAge(inside) || !isAge(outside) || !isAge(outsideCount) || outsideCount === null) return undefined;
    peers[kid] = { inside, outside, outsideCount };
  }
  return peers;
}

/** @returns null when `value` is not exactly what an origin instance answers. */
export function parseOriginObservation(value: unknown): OriginObservation | null {
  if (!isRecord(value) || value["role"] !== "origin") return null;
  const { instanceId, deployment, accepted } = value;
  const kids = parseKids(value["kids"]);
  const lastAccepted = parseLastAccepted(value["lastAccepted"]);
  if (!isText(instanceId) || !isText(deployment) || !kids || !lastAccepted) return null;
  if (accepted !== undefined && typeof accepted !== "boolean") return null;
  const marks = value["marks"] === undefined ? undefined : parseMarks(value["marks"]);
  if (value["marks"] !== undefined && !marks) return null;
  const peers = value["peers"] === undefined ? undefined : parsePeers(value["peers"]);
  if (value["peers"] !== undefined && !peers) return null;
  return {
    role: "origin",
    instanceId,
    deployment,
    kids,
    lastAccepted,
    ...(peers ? { peers } : {}),
    ...(accepted === undefined ? {} : { accepted }),
    ...(marks === undefined ? {} : { marks }),
  };
}

function parseProbe(value: unknown): ProbeReport | undefined {
  if (!isRecord(value)) return undefined;
  const { origin, status } = value;
  if (!isText(origin) || typeof status !== "number") return undefined;
  return { origin, status, observation: parseOriginObservation(value["observation"]) };
}

/** @returns null when `value` is not exactly what the gateway answers. */
export function parseWorkerObservation(value: unknown): WorkerObservation | null {
  if (!isRecord(value) || value["role"] !== "worker") return null;
  const { instanceId, deployment, kid } = value;
  const lastAccepted = parseLastAccepted(value["lastAccepted"]);
  if (!isText(instanceId) || !isText(deployment) || !lastAccepted) return null;
  if (kid !== null && !(typeof kid === "string" && isKid(kid))) return null;
  const via = value["via"] === undefined ? undefined : parseProbe(value["via"]);
  if (value["via"] !== undefined && !via) return null;
  const marks = value["marks"] === undefined ? undefined : parseMarkList(value["marks"]);
  if (value["marks"] !== undefined && !marks) return null;
  return {
    role: "worker",
    instanceId,
    deployment,
    kid,
    lastAccepted,
    ...(via ? { via } : {}),
    ...(marks ? { marks } : {}),
  };
}
