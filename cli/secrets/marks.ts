/**
 * What the marks and the platforms' own stamps say about the secrets beside the gateway secret. Pure. A mark proves a write, a stamp
 * shows what was written past this tool; without a put there is nothing to hold them against, which is no fault.
 */
import type { SecretPlace, SecretSpec } from "../../contract/secret-names.ts";
import type { Reporting, Stamps } from "../targets/types.ts";
import type { Drift } from "./drift.ts";
import type { PutRecord } from "./journal-entry.ts";

/** An origin, the Worker or GitHub as it was looked at. */
export interface Held {
  readonly name: string;
  /** Absent = an origin. */
  readonly place?: Exclude<SecretPlace, "origins">;
  readonly look:
    | { readonly ok: true; readonly instances: readonly Reporting[]; readonly stamps?: Stamps }
    | { readonly ok: false; readonly reason: string; readonly stamps?: Stamps };
}

/** How one secret stands at one of them. */
export type Standing =
  | { readonly kind: "proven"; readonly instances: number }
  /** Nothing runs there yet; what boots later reports its mark. */
  | { readonly kind: "stored" }
  /** GitHub has nothing that could report a mark, and tells no digest: all there is, is its date, which is that of the last put. */
  | { readonly kind: "dated"; readonly at: string }
  /** No evidence either way. */
  | { readonly kind: "unknown"; readonly why: string }
  | { readonly kind: "off"; readonly why: string };

const off = (why: string): Standing => ({ kind: "off", why });

/** What an instance, or a Worker version, says about one secret. */
function ofInstance({ id, marks, markList }: Reporting, secret: string, mark: string): Standing {
  if (markList !== undefined)
    return markList.includes(mark)
      ? { kind: "proven", instances: 1 }
      : off(`version ${id} runs with another ${secret}`);
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
export function standingOf({ name, place, look }: Held, secret: string, record: PutRecord | undefined): Standing {
  const stamp = look.stamps?.[secret];
  if (look.stamps && stamp === undefined)
    return off(place === undefined ? `it has no ${secret}, and needs it to start` : `it has no ${secret}`);
  if (!look.ok) return { kind: "unknown", why: look.reason };
  if (record === undefined)
    return { kind: "unknown", why: `${secret} was never put by this version: unknown until the next put` };
  if (record.at === null) return off(`the last put of ${secret} did not end`);
  if (record.stamps[name] === undefined) return off(`the last put of ${secret} did not reach it`);
  const changed = stamp !== undefined && isChanged(record.stamps[name], stamp);
  // The Worker's stamp is of all its secrets together.
  if (changed && place !== "worker") return off(`${secret} was written by somebody else after the last put`);
  if (place === "github" && stamp !== undefined) return { kind: "dated", at: stamp };
  const seen = look.instances.map((instance) => ofInstance(instance, secret, record.mark));
  const wrong = seen.find(({ kind }) => kind === "off") ?? seen.find(({ kind }) => kind === "unknown");
  if (wrong) return wrong;
  if (changed)
    return {
      kind: "unknown",
      why: "a secret was written by hand after the last put, and Cloudflare does not say which",
    };
  return seen.length === 0 ? { kind: "stored" } : { kind: "proven", instances: seen.length };
}

/** What is off, and what is not known. */
export interface SecretsReport {
  readonly drift: readonly (Drift & { readonly secret: string })[];
  readonly unknown: readonly string[];
}

/** Those of them that are to get a secret. */
export const holdersOf = <T extends Pick<Held, "place">>(
  { to }: Pick<SecretSpec, "to">,
  parties: readonly T[],
): readonly T[] => parties.filter(({ place }) => to.includes(place ?? "origins"));

/** Every secret at everybody who is to have it. */
export function secretsReport(
  parties: readonly Held[],
  needed: readonly Pick<SecretSpec, "name" | "to">[],
  puts: Readonly<Record<string, PutRecord>>,
): SecretsReport {
  const all = needed.flatMap((spec) =>
    holdersOf(spec, parties).map((held) => ({
      secret: spec.name,
      party: held.name,
      standing: standingOf(held, spec.name, puts[spec.name]),
    })),
  );
  // What a party that cannot be seen runs with is the phase's business.
  const seen = all.filter(({ party }) => parties.some(({ name, look }) => name === party && look.ok));
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
