/**
 * To an origin and, where that cannot execute a tool twice, to the next one. The Worker cannot tell "not sent" from "sent": every
 * network failure looks the same, so the class of the request decides, and for tool calls the claim in the shared database.
 */
import { err, ok, type Result } from "../contract/result.ts";
import type { Denial } from "../contract/denial.ts";
import { hasEffects, UNKNOWN } from "./answer.ts";
import { attempt, type Attempt, type Failure, type Outcome } from "./attempt.ts";
import type { ClientBody } from "./body.ts";
import { RETRY_AFTER_ROUTE_SECONDS } from "./constants.ts";
import type { Deadlines } from "./deadline.ts";
import type { Runtime, WaitUntil } from "./env.ts";
import { firstByteMs, type Origins, type Seat } from "./origins.ts";
import type { CallClass } from "./policy/era.ts";
import { withAttempt, type HeaderRecord } from "./policy/crossing-headers.ts";
import type { RetryBudget } from "./policy/retry-budget.ts";

/** One request, ready to be sent. */
export interface Call {
  /** The verified subject: whose failures these are. */
  readonly user: string;
  readonly callClass: CallClass;
  readonly headers: Readonly<HeaderRecord>;
  readonly body: ClientBody;
}

/** What forwarding needs around it. */
export interface ForwardOptions {
  readonly runtime: Runtime;
  readonly origins: Origins;
  readonly budget: RetryBudget;
  /** All origins share one database, so the claim of a request id holds everywhere. */
  readonly sharedDatabase: boolean;
  readonly waitUntil: WaitUntil;
  readonly deadlines: Deadlines;
  /** Told about every failed attempt. */
  readonly report: (origin: string, failure: Failure) => void;
}

const NONE: Denial = { reason: "route.none", retryAfterSeconds: RETRY_AFTER_ROUTE_SECONDS };
/** The request went out and nobody said that it was not executed. */
const UNCERTAIN: ReadonlySet<Failure> = new Set(["network", "timeout", "platform", "busy"]);
/** Nothing was executed: the origin said so, or the request never reached it. */
const UNDONE: ReadonlySet<Failure> = new Set(["draining", "full", "refused"]);
/** Reason to look whether the origin is there. No proof: a request can be made to fail. */
const SUSPICIOUS: ReadonlySet<Failure> = new Set(["network", "timeout", "platform", "draining", "refused"]);
/** The origin's own word: it is there. */
const ANSWERED: ReadonlySet<Failure> = new Set(["full", "busy", "secret"]);
/** By the last failure, where nothing can have been executed by accident. */
const REFUSALS: Readonly<Record<Failure, Denial>> = {
  secret: { reason: "route.secret" },
  timeout: { reason: "route.timeout" },
  upload: { reason: "route.timeout" },
  draining: NONE,
  full: { reason: "route.full", retryAfterSeconds: 1 },
  refused: { reason: "route.refused" },
  network: { reason: "route.platform" },
  platform: { reason: "route.platform" },
  busy: { reason: "route.platform" },
  "too-large": { reason: "shape.size" },
  slow: { reason: "shape.slow" },
};

/** @returns the origin's response as it is, or why there is none. */
export async function forward(call: Call, options: ForwardOptions): Promise<Result<Response, Denial>> {
  const { runtime, origins, budget, waitUntil } = options;
  const { user } = call;
  budget.earn(user);
  const [first] = origins.candidates(user, runtime.now(), waitUntil);
  if (!first) return err(NONE);
  const one = send(call, first, 1, options);
  const outcome = await settle(call, one, first, options);
  if (outcome.ok) return ok(outcome.response);
  const { failure } = outcome;
  const second = mayRetry(call, failure, options)
    ? origins.candidates(user, runtime.now(), waitUntil).find((seat) => seat !== first)
    : undefined;
  if (!second || !budget.spend(user)) {
    one.abort();
    const denial = refusal(call, failure);
    // A retry that the budget forbids is our limit, not the origin's last word.
    return err(second && denial.mayHaveExecuted !== true ? NONE : denial);
  }
  // A silent tool call is not given up yet: it may hold the claim that the retry waits for, and closing it would cancel the tool.
  const patient = failure === "timeout" && call.callClass === "claimed";
  if (!patient) one.abort();
  const two = send(call, second, 2, options);
  const last = await Promise.race([settle(call, two, second, options), ...(patient ? [goodOutcome(one)] : [])]);
  if (last.ok) {
    (last.late ? two : one).abort();
    return ok(last.response);
  }
  one.abort();
  return err(refusal(call, failure, last.failure));
}

function send(call: Call, { origin, breaker }: Seat, number: 1 | 2, { runtime, deadlines }: ForwardOptions): Attempt {
  const wait = firstByteMs(breaker, runtime.now());
  return attempt(runtime, origin.url, withAttempt(call.headers, number), call.body, wait, deadlines);
}

type Settled = Outcome & { readonly late?: true };

/** Waits for an attempt and writes down what it says about its origin. */
async function settle(
  { user }: Call,
  under: Attempt,
  seat: Seat,
  { runtime, origins, report, waitUntil }: ForwardOptions,
): Promise<Settled> {
  const outcome = await under.inTime;
  const now = runtime.now();
  if (!outcome.ok) report(seat.origin.name, outcome.failure);
  if (outcome.ok || ANSWERED.has(outcome.failure)) seat.breaker.answered(now);
  else if (SUSPICIOUS.has(outcome.failure)) origins.suspect(user, seat, now, waitUntil);
  return outcome;
}

/** The answer of a late attempt. Its failure says nothing, the retry decides then; so it never settles. */
async function goodOutcome(late: Attempt): Promise<Settled> {
  const outcome = await late.outcome;
  return outcome.ok ? { ...outcome, late: true } : new Promise<never>(() => undefined);
}

function mayRetry({ callClass, body }: Call, failure: Failure, { sharedDatabase }: ForwardOptions): boolean {
  if (body.kind === "stream") return false;
  if (UNDONE.has(failure)) return true;
  if (!SUSPICIOUS.has(failure)) return false;
  // What may have been done needs a method that may be repeated, or a claim that holds everywhere.
  return callClass === "claimed" ? sharedDatabase : callClass !== "single";
}

/** The denial after all attempts. */
function refusal(call: Call, ...failures: readonly [...Failure[], Failure]): Denial {
  if (hasEffects(call.callClass) && failures.some((failure) => UNCERTAIN.has(failure))) return UNKNOWN;
  return REFUSALS[failures.at(-1) ?? "platform"];
}
