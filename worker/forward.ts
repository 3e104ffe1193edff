/**
 * To an origin and, where that cannot execute a tool twice, to the next one. The Worker cannot tell "not sent" from "sent": every
 * network failure looks the same, so the class of the request decides, and for tool calls the claim in the shared database.
 */
import { err, ok, type Result } from "../contract/result.ts";
import type { Denial } from "../contract/denial.ts";
import type { SecurityEventName } from "../contract/security-event.ts";
import { attempt, type Attempt, type Failure, type Outcome } from "./attempt.ts";
import type { ClientBody } from "./body.ts";
import { RETRY_AFTER_ROUTE_SECONDS } from "./constants.ts";
import type { Runtime, WaitUntil } from "./env.ts";
import { firstByteMs, type Origins, type Seat } from "./origins.ts";
import type { CallClass } from "./policy/era.ts";
import { withAttempt } from "./policy/headers.ts";
import type { RetryBudget } from "./policy/retry-budget.ts";
import { LATE, within } from "./within.ts";

/** One request, ready to be sent. */
export interface Call {
  readonly callClass: CallClass;
  readonly headers: Headers;
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
  readonly report: (event: SecurityEventName, origin: string, reason: string) => void;
}

/** What came of one origin; `pending` = it is silent but was not given up. */
interface Try {
  readonly outcome: Outcome;
  readonly pending: Attempt | null;
}

/** May have run: the request went out and nobody said that it did not. */
const UNCERTAIN: ReadonlySet<Failure> = new Set(["network", "timeout", "platform", "busy"]);

/** @returns the origin's response as it is, or why there is none. */
export async function forward(call: Call, options: ForwardOptions): Promise<Result<Response, Denial>> {
  const { runtime, origins, budget, waitUntil } = options;
  budget.earn();
  const [first] = origins.candidates(runtime.now(), waitUntil);
  if (!first) return err(NONE);
  const one = await send(call, first, 1, options);
  if (one.outcome.ok) return ok(one.outcome.response);
  if (call.body.kind === "stream" && call.body.tooLarge()) return err({ reason: "shape.size" });
  const second = origins.candidates(runtime.now(), waitUntil).find((seat) => seat !== first);
  if (!second || !mayRetry(call, one.outcome.failure, options)) return err(refusal(call, one.outcome.failure));
  if (!budget.spend()) {
    one.pending?.abort();
    const uncertain = refusal(call, one.outcome.failure);
    return err(uncertain.mayHaveExecuted === true ? uncertain : NONE);
  }
  const two = await Promise.race([send(call, second, 2, options), ...(one.pending ? [onlyIfGood(one.pending)] : [])]);
  if (!two.outcome.ok) {
    one.pending?.abort();
    return err(refusal(call, one.outcome.failure, two.outcome.failure));
  }
  return ok(two.outcome.response);
}

/** One attempt up to its first-byte deadline. A silent tool call is not given up: its claim may be what the retry waits for. */
async function send(call: Call, seat: Seat, number: 1 | 2, options: ForwardOptions): Promise<Try> {
  const { runtime, report } = options;
  const { origin, breaker } = seat;
  const start = runtime.now();
  breaker.begin(start);
  const under = attempt(runtime, origin, withAttempt(new Headers(call.headers), number), payload(call.body));
  const settled = await within(under.outcome, firstByteMs(breaker, start));
  const outcome: Outcome = settled === LATE ? { ok: false, failure: "timeout" } : settled;
  const now = runtime.now();
  if (outcome.ok || outcome.failure === "busy" || outcome.failure === "secret") breaker.answered(now);
  else if (!(call.body.kind === "stream" && call.body.tooLarge())) {
    breaker.failed(now);
    report("origin_failed", origin.name, outcome.failure);
  }
  if (!outcome.ok && outcome.failure === "secret") report("origin_secret_rejected", origin.name, "route.secret");
  const keep = settled === LATE && number === 1 && call.callClass === "claimed";
  if (settled === LATE && !keep) under.abort();
  return { outcome, pending: keep ? under : null };
}

/** A late first answer counts when it is one; its failure says nothing, the second attempt decides then. */
async function onlyIfGood(pending: Attempt): Promise<Try> {
  const outcome = await pending.outcome;
  return outcome.ok ? { outcome, pending: null } : new Promise<never>(() => undefined);
}

const payload = (body: ClientBody): BodyInit => (body.kind === "bytes" ? body.bytes : body.stream);

function mayRetry(call: Call, failure: Failure, { sharedDatabase }: ForwardOptions): boolean {
  if (failure === "secret" || failure === "busy" || call.body.kind === "stream" || call.callClass === "single") return false;
  // Draining says itself that nothing was done; anything else needs the claim to hold at both origins.
  return call.callClass !== "claimed" || sharedDatabase || failure === "draining";
}

const NONE: Denial = { reason: "route.none", retryAfterSeconds: RETRY_AFTER_ROUTE_SECONDS };
/** By the last failure, where nothing can have been executed by accident. */
const REFUSALS: Readonly<Record<Failure, Denial>> = {
  secret: { reason: "route.secret" },
  timeout: { reason: "route.timeout" },
  draining: NONE,
  network: { reason: "route.platform" },
  platform: { reason: "route.platform" },
  busy: { reason: "route.platform" },
};

/** The denial after all attempts; `failures` is never empty. */
function refusal(call: Call, ...failures: readonly [...Failure[], Failure]): Denial {
  const effects = call.callClass === "claimed" || call.callClass === "single";
  if (effects && failures.some((failure) => UNCERTAIN.has(failure))) return { reason: "route.unknown", mayHaveExecuted: true };
  return REFUSALS[failures.at(-1) ?? "platform"];
}
