/** The gateway: the order of checks, and nothing else. Policy is in policy/, refusals become responses in deny.ts. */
import type { Denial } from "../contract/denial.ts";
import { MCP_PATH } from "../contract/headers.ts";
import { ok } from "../contract/result.ts";
import { drain } from "./body.ts";
import { bringsToken, checkAddress, checkForm, checkWebOrigin, recognise, signIn } from "./checks.ts";
import type { Env, Runtime, WaitUntil } from "./env.ts";
import { checkOrigins } from "./health-check.ts";
import { makeIsolate, type Isolate, type Service } from "./isolate.ts";
import { route } from "./policy/route.ts";
import { isPlain, servePlain, serveOpen } from "./public.ts";
import { serveUser } from "./serve.ts";
import { enter, refuse, type Visit } from "./visit.ts";

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
  const { isolate, request } = visit;
  const routed = route(request.method, visit.target.path);
  const plain = isPlain(visit);
  if (!plain && routed.ok && routed.value !== "mcp") return serveOpen(visit, routed.value);
  if (!plain && routed.ok && isolate.service) return serveMcp(visit, isolate.service);
  const shield = await checkAddress(visit, "documents");
  if (!shield.ok) return refuse(visit, shield.error);
  if (plain) return servePlain(visit);
  return refuse(visit, routed.ok ? { reason: "config.invalid" } : refusedRoute(visit, routed.error));
}

/** A page on the list may read why its GET or DELETE was refused; a page that is not hears only that. */
function refusedRoute(visit: Visit, denial: Denial): Denial {
  const { config } = visit.isolate;
  const from = config && visit.target.path === MCP_PATH ? checkWebOrigin(visit, config) : null;
  return from?.ok === false ? from.error : denial;
}

const OPEN = ok(undefined);

/** Cheap before expensive, anonymous before personal: objects and markers are only ever named by verified subjects. */
async function serveMcp(visit: Visit, service: Service): Promise<Response> {
  const { config } = service;
  // First, so that a page on the list can read every refusal.
  const from = checkWebOrigin(visit, config);
  const known = await recognise(visit, service);
  const shield = known ? OPEN : await checkAddress(visit, "calls");
  // Over the limit of the address only a token can still be good, and nothing else is looked at.
  if (!shield.ok && !bringsToken(visit)) return refuse(visit, shield.error);
  const form = from.ok ? checkForm(visit) : from;
  if (!form.ok) return refuse(visit, shield.ok ? form.error : shield.error);
  const signedIn = known ? ok(known) : await signIn(visit, service);
  if (!signedIn.ok) return refuse(visit, shield.ok ? signedIn.error : shield.error);
  visit.identity = signedIn.value;
  return serveUser(visit, service, signedIn.value);
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
