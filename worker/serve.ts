/** A request of a verified user on its way to an origin and back: places, pace, meaning, failover, answer. Order only; policy is elsewhere. */
import type { Denial } from "../contract/denial.ts";
import { ORIGIN_HEADER } from "../contract/headers.ts";
import { afterBreak, answerBody, CUT, hasEffects, idOf, isStream, UNKNOWN } from "./answer.ts";
import type { Failure } from "./attempt.ts";
import { readCalledId, understand, type Understood } from "./checks.ts";
import { PLACE_MS, STREAM_MS } from "./constants.ts";
import { sleep } from "./deadline.ts";
import { errorText } from "./deny.ts";
import { forward } from "./forward.ts";
import { corsHeaders, harden } from "./hygiene.ts";
import type { Runtime } from "./env.ts";
import type { Service } from "./isolate.ts";
import { depthOf } from "./limits.ts";
import { answerForm } from "./policy/accept.ts";
import type { CallClass } from "./policy/era.ts";
import { returnedHeaders, originHeaders, withModuleExcess } from "./policy/crossing-headers.ts";
import { moduleCount } from "./policy/module-limit.ts";
import { burstLimit, rateLimitHeaders } from "./policy/rate-limit-headers.ts";
import type { Identity } from "./policy/token.ts";
import { protocolVersion } from "./policy/version.ts";
import type { Share } from "./shares.ts";
import type { Break } from "./stream.ts";
import { log, refuse, type Refusal, type Visit } from "./visit.ts";

/** What a request holds while it is under way. */
interface Held {
  readonly place: Share;
  readonly room: Share;
}

const TOO_MANY: Refusal = { reason: "user.concurrent", retryAfterSeconds: 1 };
const release = ({ place, room }: Held): void => {
  place.release();
  room.release();
};

/** Serves what the identity asks. Its place is given back with the answer, or with the end of its stream. */
export async function serveUser(visit: Visit, service: Service, identity: Identity): Promise<Response> {
  const place = service.underWay.take(identity.sub, 1, PLACE_MS);
  const room = place && service.bodies.take(identity.sub, 0, PLACE_MS);
  if (!place || !room) return refuse(visit, TOO_MANY);
  const held = { place, room };
  let lasts = false;
  try {
    const answer = await answerTo(visit, service, identity, held);
    ({ lasts } = answer);
    return answer.response;
  } finally {
    if (!lasts) release(held);
  }
}

interface Answer {
  readonly response: Response;
  /** The place is given back when the client has taken all of it. */
  readonly lasts: boolean;
}

async function answerTo(visit: Visit, service: Service, identity: Identity, held: Held): Promise<Answer> {
  const { headers: client, isolate, waitUntil, deadlines } = visit;
  const { config, limits, origins, budget, secret } = service;
  const { runtime } = isolate;
  const { sub } = identity;
  const no = async (refusal: Refusal): Promise<Answer> => {
    visit.rpcId ??= await readCalledId(visit);
    return { response: refuse(visit, refusal), lasts: false };
  };

  const unblocked = await limits.blocked(sub, runtime.now());
  if (!unblocked.ok) return no(unblocked.error);
  const asked = limits.burst(sub, runtime.now(), waitUntil, deadlines);
  // While the object answers.
  const named = protocolVersion(
    client.get("mcp-protocol-version") ?? null,
    typeof client.get("mcp-method") === "string",
  );
  const version = named.ok ? named.value : null;
  const headers = originHeaders(client, { secret: secret.text, identity, requestId: visit.requestId, version });
  const burst = await asked;
  if (!burst.ok) return no(burst.error);
  if (burst.value.startMs > 0) {
    const seat = service.waiting.take(sub, 1, burst.value.startMs);
    if (!seat) return no({ reason: "user.burst", retryAfterSeconds: 1 });
    await sleep(burst.value.startMs);
    seat.release();
  }

  const call = await understand(visit, named, held.room, config.presentation ?? "meta");
  if (!call.ok) return no(call.error);
  const count = moduleCount(call.value.module, config.limits.modulesPerSecond);
  const over = count ? await limits.module(sub, count, runtime.now(), waitUntil, deadlines) : null;
  const excess = count && over ? { rate: count.rate, retryAfterMs: over.retryAfterMs } : null;
  let reported = false;
  const report = (origin: string, failure: Failure): void => {
    reported = logFailure(visit, origin, failure) || reported;
  };
  let sent = false;
  const sending: Runtime["fetch"] = (url, init) => {
    sent = true;
    return runtime.fetch(url, init);
  };
  try {
    const answer = await forward(
      { ...call.value, headers: withModuleExcess(headers, excess), user: sub },
      {
        runtime: { ...runtime, fetch: sending },
        origins,
        budget,
        sharedDatabase: config.sharedDatabase,
        waitUntil,
        deadlines,
        report,
      },
    );
    if (answer.ok) return await deliver(visit, service, call.value, answer.value, burst.value.remaining, held);
    visit.rpcId = idOf(visit.rpcId, call.value.body);
    return await no({ ...answer.error, quiet: reported && SAYS_NO_MORE.has(answer.error.reason) });
  } catch (error) {
    visit.rpcId = idOf(visit.rpcId, call.value.body);
    return { response: refuse(visit, afterFault(visit, sent ? call.value.callClass : null, error)), lasts: false };
  }
}

/** What breaks in here breaks behind a request that may have had its effect, and the client has to hear that. @param sent null = nothing was */
function afterFault(visit: Visit, sent: CallClass | null, error: unknown): Refusal {
  const detail = error instanceof Error ? error.name : typeof error;
  if (sent === null || !hasEffects(sent)) return { reason: "gateway.error", detail };
  log(visit, { event: "gateway_failed", severity: "critical", reason: `gateway.error ${detail}` });
  return { ...UNKNOWN, quiet: true };
}

/** Refusals that only repeat what was logged with the name of the origin when it happened. */
const SAYS_NO_MORE: ReadonlySet<string> = new Set([
  "route.secret",
  "route.timeout",
  "route.platform",
  "route.refused",
  "route.full",
]);
/** The client's doing, which is not reported as the origin's failure. */
const CLIENTS: ReadonlySet<Failure> = new Set(["too-large", "slow", "upload"]);

/** An origin that refuses our secret is an alarm: a rotation went wrong. @returns true when a line was written */
function logFailure(visit: Visit, origin: string, failure: Failure): boolean {
  if (CLIENTS.has(failure)) return false;
  if (failure === "secret")
    log(visit, { event: "origin_secret_rejected", severity: "critical", origin, reason: "route.secret" });
  else {
    const severity = failure === "refused" || failure === "full" ? "warn" : "error";
    log(visit, { event: "origin_failed", severity, origin, reason: failure });
  }
  return true;
}

/** The origin's answer as the client may see it: whole, or with the truth about what is missing. */
async function deliver(
  visit: Visit,
  { config }: Service,
  call: Understood,
  response: Response,
  remaining: number,
  held: Held,
): Promise<Answer> {
  const broken = (how: Break): Denial => {
    const servedBy = response.headers.get(ORIGIN_HEADER);
    const known = config.origins.find(({ name }) => name === servedBy);
    const origin = known ? { origin: known.name } : {};
    if (how !== "unread") log(visit, { event: "origin_failed", severity: "error", reason: `answer ${how}`, ...origin });
    return afterBreak(call.callClass, how);
  };
  if (isStream(response)) held.place.extend(visit.isolate.runtime.now() + STREAM_MS);
  const uploaded = call.body.kind === "bytes" ? call.body.bytes.length : 0;
  const answer = await answerBody(response, answerForm(visit.headers.get("accept")), {
    endsFreely: call.callClass === "stream",
    explain: (how) => errorText(broken(how), visit.requestId, idOf(visit.rpcId, call.body)),
    lastsMs: STREAM_MS,
    ended: () => release(held),
    keep: (bytes) => held.room.grow(uploaded + bytes),
    owed: () => call.waits && idOf(visit.rpcId, call.body) !== null,
  });
  if (answer === CUT) {
    visit.rpcId = idOf(visit.rpcId, call.body);
    return { response: refuse(visit, { ...broken("cut"), quiet: true }), lasts: false };
  }
  const { limits } = config;
  const headers = {
    ...returnedHeaders(response.headers, config.showOrigin),
    ...(answer.contentType === undefined ? {} : { "content-type": answer.contentType }),
    ...rateLimitHeaders(burstLimit(limits.burstPerSecond, depthOf(limits), remaining), response.headers),
    ...corsHeaders(visit.webOrigin),
  };
  return {
    response: new Response(answer.body, { status: response.status, headers: harden(headers, visit.requestId) }),
    lasts: answer.lasts,
  };
}
