/**
 * What the marks and the platforms' own stamps say about the secrets beside the gateway secret. Pure. A mark proves a write, a stamp
 * shows what was written past this tool; without a put there is nothing to hold them against, which is no fault.
 */
import type { InstanceView, OriginLook } from "../targets/types.ts";
import type { Drift } from "./drift.ts";
import type { PutRecord } from "./journal-entry.ts";

/** One origin as it was looked at. */
export interface Held {
  readonly name: string;
  readonly look: OriginLook;
}

/** How one secret stands at one origin. */
export type Standing =
  | { readonly kind: "proven"; readonly instances: number }
  /** Nothing runs there yet; what boots later reports its mark. */
  | { readonly kind: "stored" }
  /** No evidence either way. */
  | { readonly kind: "unknown"; readonly why: string }
  | { readonly kind: "off"; readonly why: string };

const off = (why: string): Standing => ({ kind: "off", why });

/** What an instance says about one secret. */
function ofInstance({ id, marks }: InstanceView, secret: string, mark: string): Standing {
  if (marks === undefined) return { kind: "unknown", why: `instance ${id} runs an image that reports no marks` };
  if (!Object.hasOwn(marks, secret))
    return { kind: "unknown", why: `instance ${id} was deployed without ${secret}_MARK: deploy the service stack` };
  return marks[secret] === mark ? { kind: "proven", instances: 1 } : off(`instance ${id} runs with another ${secret}`);
}

/** A date that is older than the recorded one comes from a list that is behind; a digest is the same or it is not. */
function isChanged(recorded: string, now: string): boolean {
  const [before, after] = [Date.parse(recorded), Date.parse(now)];
  return Number.isNaN(before) || Number.isNaN(after) ? recorded !== now : after > before;
}

/** @param record the last put; undefined = there was none. */
export function standingOf({ name, look }: Held, secret: string, record: PutRecord | undefined): Standing {
  const stamp = look.stamps?.[secret];
  if (look.stamps && stamp === undefined) return off(`it has no ${secret}, and needs it to start`);
  if (!look.ok) return { kind: "unknown", why: look.reason };
  if (record === undefined)
    return { kind: "unknown", why: `${secret} was never put by this version: unknown until the next put` };
  if (record.at === null) return off(`the last put of ${secret} did not end`);
  if (record.stamps[name] === undefined) return off(`the last put of ${secret} did not reach it`);
  if (stamp !== undefined && isChanged(record.stamps[name], stamp))
    return off(`${secret} was written by somebody else after the last put`);
  const seen = look.instances.map((instance) => ofInstance(instance, secret, record.mark));
  const wrong = seen.find(({ kind }) => kind === "off") ?? seen.find(({ kind }) => kind === "unknown");
  if (wrong) return wrong;
  return seen.length === 0 ? { kind: "stored" } : { kind: "proven", instances: seen.length };
}

/** What is off, and what is not known. */
export interface SecretsReport {
  readonly drift: readonly (Drift & { readonly secret: string })[];
  readonly unknown: readonly string[];
}

/** Every needed secret at every origin. */
export function secretsReport(
  origins: readonly Held[],
  needed: readonly string[],
  puts: Readonly<Record<string, PutRecord>>,
): SecretsReport {
  const all = needed.flatMap((secret) =>
    origins.map((origin) => ({ secret, party: origin.name, standing: standingOf(origin, secret, puts[secret]) })),
  );
  // What an origin that cannot be seen runs with is the phase's business.
  const seen = all.filter(({ party }) => origins.some(({ name, look }) => name === party && look.ok));
  return {
    drift: all.flatMap(({ secret, party, standing }) =>
      standing.kind === "off" ? [{ party, kid: null, what: standing.why, secret }] : [],
    ),
    unknown: [
      ...new Set(
        seen.flatMap(({ secret, party, standing }) =>
          standing.kind !== "unknown"
            ? []
            : puts[secret] === undefined
              ? [standing.why]
              : [`${party}: ${standing.why}`],
        ),
      ),
    ],
  };
}
