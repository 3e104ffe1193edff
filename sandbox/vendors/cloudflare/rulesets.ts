/**
 * Rulesets of the zone, with the limits of the free plan. They are kept and handed out; no request is held against them,
 * because requests reach a Worker through its own listener.
 */
import { ApiError, badRequest } from "./errors.ts";
import { hexId } from "./model.ts";
import { isRecord } from "../../../contract/json.ts";

export interface Rule {
  readonly id: string;
  readonly version: string;
  readonly last_updated: string;
  readonly ref: string;
  readonly enabled: boolean;
  readonly action: string;
  readonly expression: string;
  readonly [field: string]: unknown;
}
export interface Ruleset {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly kind: string;
  readonly phase: string;
  readonly version: string;
  readonly last_updated: string;
  readonly rules: readonly Rule[];
}
type Given = Readonly<Record<string, unknown>>;

/** Most rules per phase on the free plan. Source: developers.cloudflare.com/waf/custom-rules and /waf/rate-limiting-rules. */
const MOST_RULES: Readonly<Record<string, number>> = { http_request_firewall_custom: 5, http_ratelimit: 1 };
/** The one period and timeout of a rate limiting rule on the free plan. Unit: seconds. */
const FREE_PERIOD_SECONDS = 10;

/** What an expression of a rate limiting rule may ask about on the free plan: path and verified bots. Source: as above. */
const FREE_RATE_FIELDS: ReadonlySet<string> = new Set(["http.request.uri.path", "cf.client.bot"]);

/** Fields of the Rules language in an expression, without what only looks like one inside a string. */
const fieldsOf = (expression: string): readonly string[] =>
  expression.replaceAll(/"(?:\\.|[^"\\])*"/g, '""').match(/\b(?:cf|http|icmp|ip|raw|ssl|tcp|udp)(?:\.[a-z0-9_]+)+/g) ??
  [];

/** @returns the rules of a request body. @throws {ApiError} 400 when they are no rules. */
export function readRules(value: unknown): readonly Given[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every(isRecord)) throw badRequest("rules is not a list of rules");
  for (const rule of value)
    if (typeof rule["action"] !== "string" || typeof rule["expression"] !== "string")
      throw badRequest("a rule has no action or no expression");
  return value;
}

function checkPlan(phase: string, rules: readonly Given[]): void {
  const most = MOST_RULES[phase];
  if (most === undefined) throw badRequest(`phase ${phase} is not imitated by the mcpist sandbox`);
  if (rules.length > most)
    throw new ApiError(
      400,
      20217,
      `exceeded maximum number of rules in the phase ${phase}: ${rules.length} out of ${most}`,
    );
  for (const { ratelimit, expression } of rules) {
    if (/\bmatches\b/.test(String(expression)))
      throw new ApiError(400, 20127, "not entitled: the use of operator Matches is not allowed");
    if (phase !== "http_ratelimit") continue;
    if (!isRecord(ratelimit)) throw badRequest("a rule of http_ratelimit has no ratelimit");
    const paid = fieldsOf(String(expression)).find((field) => !FREE_RATE_FIELDS.has(field));
    if (paid !== undefined) throw new ApiError(400, 20127, `not entitled: the use of field ${paid} is not allowed`);
    for (const name of ["period", "mitigation_timeout"])
      if (ratelimit[name] !== FREE_PERIOD_SECONDS)
        throw new ApiError(
          400,
          20120,
          `not entitled to use the ${name} ${String(ratelimit[name])}, can only use one among [${FREE_PERIOD_SECONDS}]`,
        );
  }
}

function made(given: readonly Given[], before: readonly Rule[], now: string): Rule[] {
  return given.map((rule) => {
    const known = before.find((candidate) => candidate.ref === rule["ref"] || candidate.id === rule["id"]);
    const id = known?.id ?? hexId();
    return {
      ...rule,
      id,
      version: String(Number(known?.version ?? 0) + 1),
      last_updated: now,
      ref: typeof rule["ref"] === "string" ? rule["ref"] : id,
      enabled: rule["enabled"] !== false,
      action: String(rule["action"]),
      expression: String(rule["expression"]),
    };
  });
}

export class Rulesets {
  readonly #all = new Map<string, Ruleset>();

  /** Without their rules, as the API lists them. */
  list(): Omit<Ruleset, "rules">[] {
    return [...this.#all.values()].map(({ id, name, description, kind, phase, version, last_updated }) => ({
      id,
      name,
      description,
      kind,
      phase,
      version,
      last_updated,
    }));
  }
  /** @throws {ApiError} 404. */
  get(id: string): Ruleset {
    const found = this.#all.get(id);
    if (!found) throw new ApiError(404, 10015, "could not find ruleset");
    return found;
  }
  /** @throws {ApiError} 404. */
  ofPhase(phase: string): Ruleset {
    const found = [...this.#all.values()].find((ruleset) => ruleset.phase === phase);
    if (!found) throw new ApiError(404, 10003, `could not find entrypoint ruleset in the ${phase} phase`);
    return found;
  }

  /** @throws {ApiError} when the phase has one already or the plan does not allow the rules. */
  create(about: Pick<Ruleset, "name" | "description" | "kind" | "phase">, given: readonly Given[], now: Date): Ruleset {
    if (about.kind !== "zone") throw badRequest("only rulesets of kind zone are imitated by the mcpist sandbox");
    if ([...this.#all.values()].some(({ phase }) => phase === about.phase))
      throw new ApiError(
        400,
        20217,
        `'zone' is not a valid value for kind because exceeded maximum number of zone rulesets for phase ${about.phase}`,
      );
    checkPlan(about.phase, given);
    const last_updated = now.toISOString();
    const ruleset = { ...about, id: hexId(), version: "1", last_updated, rules: made(given, [], last_updated) };
    this.#all.set(ruleset.id, ruleset);
    return ruleset;
  }

  /** Replaces what `change` names; the rest stays. @throws {ApiError} as {@link Rulesets.create}. */
  update(id: string, change: Given, now: Date): Ruleset {
    const before = this.get(id);
    const last_updated = now.toISOString();
    const given = change["rules"] === undefined ? before.rules : readRules(change["rules"]);
    checkPlan(before.phase, given);
    const after = {
      ...before,
      ...(typeof change["name"] === "string" ? { name: change["name"] } : {}),
      ...(typeof change["description"] === "string" ? { description: change["description"] } : {}),
      version: String(Number(before.version) + 1),
      last_updated,
      rules: made(given, before.rules, last_updated),
    };
    this.#all.set(id, after);
    return after;
  }

  /** @throws {ApiError} 404. */
  remove(id: string): void {
    this.#all.delete(this.get(id).id);
  }
}
