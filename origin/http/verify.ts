/**
 * The gateway secret at the origin: reads the slots, compares what a caller presents, and remembers when each kid was last
 * accepted. It refuses to exist without a usable slot, never returns or prints a value, and never compares in variable time.
 */
import { createHmac, hash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import {
  LEGACY_VARIABLE,
  parseSecret,
  parseSlot,
  SLOT_VARIABLES,
  type Slot,
  type SlotName,
} from "../../contract/gateway-secret.ts";
import { GATEWAY_SECRET_HEADER } from "../../contract/headers.ts";
import type { LastAccepted, Peers } from "../../contract/observation.ts";
import type { KidsReport } from "../../contract/slots.ts";
import { err, ok, type Result } from "../../contract/result.ts";
import type { Peer } from "./peer.ts";

const DIGEST_BYTES = 32;
const KID_MESSAGE = "mcpist/gateway-secret/kid/v1";
const FAULT_TEXT = {
  shape: "must be 64 lower-case hex characters or revoked:<16 hex>",
  "low-entropy": "is not random enough",
  published: "is a published test vector",
} as const;

/** The variables that may hold the gateway secret, as they came from the environment. */
export interface SecretVariables {
  readonly GATEWAY_SECRET_A?: string | undefined;
  readonly GATEWAY_SECRET_B?: string | undefined;
  readonly GATEWAY_SECRET?: string | undefined;
}

/** What a presented header came to. `retired` names the tombstoned kid that the value belonged to. */
export type Check = { readonly accepted: true; readonly kid: string } | { readonly accepted: false };

/** Decides about presented gateway secrets. */
export interface Gate {
  /** Counts the header in `rawHeaders` (name, value, name, value, ...) and compares it with both slots, always both. */
  check(rawHeaders: readonly string[]): Check;
  /** Remembers that a user request was accepted with `kid`, and where its peer was. */
  note(kid: string, peer?: Peer): void;
  /** The tombstoned kid that the presented value belongs to, or null. Costs an HMAC: call it after the answer is queued. */
  retiredKid(rawHeaders: readonly string[]): string | null;
  readonly kids: KidsReport;
  /** Ages in whole seconds by this instance's own monotonic clock. */
  lastAccepted(): LastAccepted;
  /** The same by where the peer was. */
  peers(): Peers;
}

/** Where the gate gets what is not deterministic. */
export interface GateSources {
  /** Monotonic. Unit: milliseconds. */
  readonly now: () => number;
  /** `length` random bytes; the default is Node's generator. */
  readonly random?: (length: number) => Uint8Array;
}

const digestOf = (text: string): Buffer => hash("sha256", text, "buffer");
/** The same value as `kidOf` of contract/, synchronously. */
const kidSync = (secret: Uint8Array): string =>
  createHmac("sha256", secret).update(KID_MESSAGE).digest("hex").slice(0, 16);

/** The one value of the gateway header, or null when it is missing, empty or repeated. */
export function presented(rawHeaders: readonly string[]): string | null {
  let value: string | null = null;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== GATEWAY_SECRET_HEADER) continue;
    if (value !== null) return null;
    value = rawHeaders[i + 1] ?? "";
  }
  return value === "" ? null : value;
}

/** True when the request carries the header at all, in whatever number or shape. */
export const presents = (rawHeaders: readonly string[]): boolean =>
  rawHeaders.some((name, i) => i % 2 === 0 && name.toLowerCase() === GATEWAY_SECRET_HEADER);

/**
 * Takes the header out of a request that was accepted: what serves it has no use for the secret, and a tool that shows the headers of its
 * request must have none to show. Node reads every other view of the headers from these.
 */
export function withoutSecret({
  rawHeaders,
  headers,
  headersDistinct,
}: Pick<IncomingMessage, "rawHeaders"> & Partial<Pick<IncomingMessage, "headers" | "headersDistinct">>): void {
  const at = rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === GATEWAY_SECRET_HEADER);
  if (at >= 0) rawHeaders.splice(at, 2);
  // A framework's own request may lack one of them.
  if (headers) delete headers[GATEWAY_SECRET_HEADER];
  if (headersDistinct) delete headersDistinct[GATEWAY_SECRET_HEADER];
}

/** One slot as the gate keeps it: what is compared, and how it is reported. */
interface Held {
  readonly digest: Buffer;
  /** The kid that a match proves; null where nothing can match. */
  readonly kid: string | null;
  readonly revoked: string | null;
}

function hold(slot: Slot, text: string | undefined, random: NonNullable<GateSources["random"]>): Held {
  if (slot.kind === "secret") return { digest: digestOf(text ?? ""), kid: kidSync(slot.bytes), revoked: null };
  // Nothing hashes to random bytes, so an empty or revoked slot costs the same comparison and can never match.
  return { digest: Buffer.from(random(DIGEST_BYTES)), kid: null, revoked: slot.kind === "revoked" ? slot.kid : null };
}

const report = (held: Held): string | null => held.kid ?? (held.revoked === null ? null : `revoked:${held.revoked}`);

/**
 * Builds the gate from the environment's variables.
 * @returns as error one sentence that names the variable and the rule, never the content.
 */
export function createGate(
  variables: SecretVariables,
  { now, random = randomBytes }: GateSources,
): Result<Gate, string> {
  const texts: Record<SlotName, string | undefined> = { a: variables.GATEWAY_SECRET_A, b: variables.GATEWAY_SECRET_B };
  const legacy = texts.a === undefined && texts.b === undefined && variables.GATEWAY_SECRET !== undefined;
  if (legacy) texts.a = variables.GATEWAY_SECRET;
  const slots = { a: parseSlot(texts.a), b: parseSlot(texts.b) };
  for (const name of ["a", "b"] as const) {
    const slot = slots[name];
    if (slot.kind === "invalid")
      return err(`${legacy ? LEGACY_VARIABLE : SLOT_VARIABLES[name]} ${FAULT_TEXT[slot.fault]}`);
  }
  if (slots.a.kind !== "secret" && slots.b.kind !== "secret")
    return err(
      legacy
        ? `${LEGACY_VARIABLE} holds no gateway secret`
        : `no gateway secret in ${SLOT_VARIABLES.a} or ${SLOT_VARIABLES.b}: at least one must hold 64 lower-case hex characters`,
    );

  const a = hold(slots.a, texts.a, random);
  const b = hold(slots.b, texts.b, random);
  const acceptedAt = new Map<string, number | null>();
  for (const { kid } of [a, b]) if (kid !== null) acceptedAt.set(kid, null);
  const seen = new Map(
    Array.from(acceptedAt.keys(), (kid) => [
      kid,
      { inside: null as number | null, outside: null as number | null, outsideCount: 0 },
    ]),
  );
  const ageOf = (at: number, last: number | null) =>
    last === null ? null : Math.max(0, Math.floor((at - last) / 1000));
  const revoked = new Set([a.revoked, b.revoked].filter((kid) => kid !== null));

  return ok({
    check(rawHeaders) {
      const text = presented(rawHeaders);
      if (text === null) return { accepted: false };
      const digest = digestOf(text);
      const isA = timingSafeEqual(digest, a.digest);
      const isB = timingSafeEqual(digest, b.digest);
      const kid = (isA ? a.kid : null) ?? (isB ? b.kid : null);
      return kid === null ? { accepted: false } : { accepted: true, kid };
    },
    note(kid, peer = null) {
      const at = now();
      acceptedAt.set(kid, at);
      const by = seen.get(kid);
      if (!by || peer === null) return;
      by[peer] = at;
      if (peer === "outside") by.outsideCount++;
    },
    retiredKid(rawHeaders) {
      const secret = parseSecret(presented(rawHeaders) ?? "");
      if (!secret.ok) return null;
      const kid = kidSync(secret.value);
      return revoked.has(kid) ? kid : null;
    },
    kids: legacy ? { legacy: a.kid ?? "" } : { a: report(a), b: report(b) },
    lastAccepted() {
      const at = now();
      return Object.fromEntries(Array.from(acceptedAt, ([kid, last]) => [kid, ageOf(at, last)]));
    },
    peers() {
      const at = now();
      return Object.fromEntries(
        Array.from(seen, ([kid, { inside, outside, outsideCount }]) => [
          kid,
          { inside: ageOf(at, inside), outside: ageOf(at, outside), outsideCount },
        ]),
      );
    },
  });
}
