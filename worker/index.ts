/** The gateway: the order of checks, and nothing else. Policy is in policy/, refusals become responses in deny.ts. */
import type { Denial } from "../contract/denial.ts";
import { MCP_PATH, ORIGIN_HEADER } from "../contract/headers.ts";
import { afterBreak, answerBody, CUT, idOf } from "./answer.ts";
import type { Failure } from "./attempt.ts";
import { drain } from "./body.ts";
import { checkAddress, checkForm, checkWebOrigin, signIn, understand, type Understood } from "./checks.ts";
import { errorText } from "./deny.ts";
import type { Env, Runtime, WaitUntil } from "./env.ts";
import { forward } from "./forward.ts";
import { checkOrigins } from "./health-check.ts";
import { corsHeaders, harden } from "./hygiene.ts";
import { makeIsolate, type Isolate, type Service } from "./isolate.ts";
import { isPlain, servePlain, serveOpen } from "./public.ts";
import { clientHeaders, originHeaders } from "./policy/headers.ts";
import { moduleCount } from "./policy/module-limit.ts";
import { burstLimit, rateLimitHeaders } from "./policy/rate-limit-headers.ts";
import { route } from "./policy/route.ts";
import type { Break } from "./stream.ts";
import { enter, log, refuse, type Visit } from "./visit.ts";

export { UserBurst } from "./user-burst.ts";

/** Serves one request. Whatever breaks inside becomes an answer of ours: a Worker that throws shows the platform's page. */
export async function handle(request: Request, isolate: Isolate, waitUntil: WaitUntil): Promise<Response> {
  const visit = enter(request, isolate, waitUntil);
  try {
    const response = await serve(visit);
    if (!request.bodyUsed) await drain(request);
    return response;
  } catch (error) {
    return refuse(visit, { reason: "gateway.error", detail: error instanceof Error ? error.name : typeof error });
  }
}

async function serve(visit: Visit): Promise<Response> {
  const { isolate, request, url } = visit;
  if (isPlain(url, visit.headers)) return servePlain(visit);
  const routed = route(request.method, url.pathname);
  if (!routed.ok) return refuse(visit, refusedRoute(visit, routed.error));
  if (routed.value !== "mcp") return serveOpen(visit, routed.value);
  return isolate.service ? serveMcp(visit, isolate.service) : refuse(visit, { reason: "config.invalid" });
}

/** A page on the list may read why its GET or DELETE was refused; a page that is not hears only that. */
function refusedRoute(visit: Visit, denial: Denial): Denial {
  const { config } = visit.isolate;
  const from = config && visit.url.pathname === MCP_PATH ? checkWebOrigin(visit, config) : null;
  return from?.ok === false ? from.error : denial;
}

/** Cheap before expensive, anonymous before personal: objects and markers are only ever named by verified subjects. */
async function serveMcp(visit: Visit, service: Service): Promise<Response> {
  const { headers: client, isolate, waitUntil } = visit;
  const { config, limits, origins, budget, secret } = service;
  const { runtime } = isolate;
  const form = checkForm(visit, config);
  if (!form.ok) return refuse(visit, form.error);
  const shield = await checkAddress(visit);
  if (!shield.ok) return refuse(visit, shield.error);
  const signedIn = await signIn(visit, service);
  if (!signedIn.ok) return refuse(visit, signedIn.error);
  const identity = (visit.identity = signedIn.value);
  const unblocked = await limits.blocked(identity.sub, runtime.now());
  if (!unblocked.ok) return refuse(visit, unblocked.error);
  const burst = await limits.burst(identity.sub, runtime.now(), waitUntil);
  if (!burst.ok) return refuse(visit, burst.error);
  const call = await understand(visit);
  if (!call.ok) return refuse(visit, call.error);
  const count = moduleCount(call.value.module, config.limits.modulesPerSecond);
  const counted = count ? await limits.module(identity.sub, count, runtime.now()) : null;
  if (counted?.ok === false) return refuse(visit, counted.error);
  const { version } = call.value;
  const headers = originHeaders(client, { secret: secret.text, identity, requestId: visit.requestId, version });
  let reported = false;
  const report = (origin: string, failure: Failure): void => {
    reported = logFailure(visit, origin, failure) || reported;
  };
  const { sharedDatabase } = config;
  const answer = await forward(
    { ...call.value, headers },
    { runtime, origins, budget, sharedDatabase, waitUntil, report },
  );
  if (answer.ok) return deliver(visit, service, call.value, answer.value, burst.value);
  return refuse(visit, { ...answer.error, quiet: reported && SAYS_NO_MORE.has(answer.error.reason) });
}

/** Refusals that only repeat what was logged with the name of the origin when it happened. */
const SAYS_NO_MORE: ReadonlySet<string> = new Set(["route.secret", "route.timeout", "route.platform"]);

/**
 * An origin that refuses our secret is an alarm: a rotation went wrong. What the client did is not reported as the origin's failure.
 * @returns true when a line was written
 */
function logFailure(visit: Visit, origin: string, failure: Failure): boolean {
  if (failure === "too-large" || failure === "upload") return false;
  if (failure === "secret")
    log(visit, { event: "origin_secret_rejected", severity: "critical", origin, reason: "route.secret" });
  else log(visit, { event: "origin_failed", severity: "error", origin, reason: failure });
  return true;
}

/** The origin's answer as the client may see it: whole, or with the truth about what is missing. */
async function deliver(
  visit: Visit,
  { config }: Service,
  call: Understood,
  response: Response,
  remaining: number,
): Promise<Response> {
  const broken = (how: Break): Denial => {
    const servedBy = response.headers.get(ORIGIN_HEADER);
    const origin =
      config.origins.some(({ name }) => name === servedBy) && servedBy !== null ? { origin: servedBy } : {};
    log(visit, { event: "origin_failed", severity: "error", reason: `answer ${how}`, ...origin });
    return afterBreak(call.callClass, how);
  };
  const body = await answerBody(response, {
    endsFreely: call.callClass === "stream",
    explain: (how) => errorText(broken(how), visit.requestId, idOf(visit.rpcId, call.body)),
  });
  if (body === CUT) {
    visit.rpcId = idOf(visit.rpcId, call.body);
    return refuse(visit, { ...broken("cut"), quiet: true });
  }
  const headers = {
    ...clientHeaders(response.headers, config.showOrigin),
    ...rateLimitHeaders(burstLimit(config.limits.burstPerSecond, remaining), response.headers),
    ...corsHeaders(visit.webOrigin),
  };
  return new Response(body, { status: response.status, headers: harden(headers, visit.requestId) });
}

const runtime: Runtime = {
  now: () => Date.now(),
  fetch: (url, init) => fetch(url, init),
  // oxlint-disable-next-line no-console -- the platform's log is reached through the console
  log: (line) => console.log(line),
};

let isolate: Isolate | null = null;
/** Bindings do not change within an isolate; a new version starts new ones. */
const isolateOf = (env: Env): Isolate => (isolate?.env === env ? isolate : (isolate = makeIsolate(env, runtime)));

export default {
  fetch: (request: Request, env: Env, context: Pick<ExecutionContext, "waitUntil">): Promise<Response> =>
    handle(request, isolateOf(env), (work) => context.waitUntil(work)),
  scheduled: (_event: unknown, env: Env): Promise<void> => checkOrigins(isolateOf(env)),
};
