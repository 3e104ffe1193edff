/** What anybody may read without a token: documents, liveness and the observation that rotations rely on. */
import { checkAddress, checkWebOrigin } from "./checks.ts";
import { harden, preflight } from "./hygiene.ts";
import { RETRY_AFTER_METADATA_SECONDS } from "./constants.ts";
import { healthPage, resourceMetadata, rootPage, securityTxt, serverMetadata } from "./metadata.ts";
import { observe, probe } from "./observation.ts";
import type { Route } from "./policy/route.ts";
import { refuse, type Visit } from "./visit.ts";

/** Adds what every answer carries; a HEAD request gets the same headers and no body. */
function finish(visit: Visit, response: Response): Response {
  const headers = harden(Object.fromEntries(response.headers), visit.requestId);
  return new Response(visit.request.method === "HEAD" ? null : response.body, { status: response.status, headers });
}

const SERVE: Readonly<Record<Exclude<Route, "mcp">, (visit: Visit) => Response | Promise<Response>>> = {
  root: (visit) => finish(visit, rootPage()),
  health: (visit) => finish(visit, healthPage()),
  observation: serveObservation,
  metadata: (visit) =>
    visit.isolate.config
      ? finish(visit, resourceMetadata(visit.isolate.config))
      : refuse(visit, { reason: "config.invalid" }),
  "server-metadata": serveServerMetadata,
  "metadata-preflight": (visit) => preflight(visit.target.path, null, visit.requestId),
  "security-txt": (visit) => {
    const { config, runtime } = visit.isolate;
    if (!config?.securityContact) return refuse(visit, { reason: "shape.path" });
    return finish(visit, securityTxt(config, config.securityContact, runtime.now()));
  },
  preflight: (visit) => {
    const { config } = visit.isolate;
    if (!config) return refuse(visit, { reason: "config.invalid" });
    const from = checkWebOrigin(visit, config);
    return from.ok ? preflight(visit.target.path, visit.webOrigin, visit.requestId) : refuse(visit, from.error);
  },
};

/** Documents and observation are counted apart, so that readers of the ones do not keep a rotation from the other. */
export async function serveOpen(visit: Visit, route: Exclude<Route, "mcp">): Promise<Response> {
  const shield = await checkAddress(visit, route === "observation" ? "observation" : "documents");
  return shield.ok ? SERVE[route](visit) : refuse(visit, shield.error);
}

/** True when the edge says that the client came without TLS. Elsewhere (loopback, tests) there is no edge and no such promise. */
export const isPlain = ({ request, headers }: Visit): boolean =>
  request.url.startsWith("http:") && headers.get("cf-visitor")?.includes('"scheme":"http"') === true;

/** People at `/` are sent to https; programs are refused, or a token would go on travelling in clear without anybody noticing. */
export function servePlain(visit: Visit): Response {
  if (visit.target.path !== "/") return refuse(visit, { reason: "shape.path", detail: "plain http" });
  return finish(
    visit,
    new Response(null, { status: 308, headers: { location: `https://${new URL(visit.request.url).host}/` } }),
  );
}

/** What the issuer publishes about itself, where older clients look for it. */
async function serveServerMetadata(visit: Visit): Promise<Response> {
  const { issuerMetadata } = visit.isolate;
  if (!issuerMetadata) return refuse(visit, { reason: "config.invalid" });
  const document = await issuerMetadata.document(visit.waitUntil);
  if (document === "absent") return refuse(visit, { reason: "shape.path" });
  if (document === "unavailable")
    return refuse(visit, {
      reason: "metadata.unavailable",
      retryAfterSeconds: RETRY_AFTER_METADATA_SECONDS,
      // What happened was written when it happened.
      quiet: true,
    });
  return finish(visit, serverMetadata(document));
}

/** `?origin=<name>` makes this the probe; a name that is not configured is nobody's business. */
async function serveObservation(visit: Visit): Promise<Response> {
  const { isolate } = visit;
  const name = new URLSearchParams(visit.target.search).get("origin");
  const origin = name === null ? null : isolate.config?.origins.find((candidate) => candidate.name === name);
  if (origin === undefined) return refuse(visit, { reason: "shape.path" });
  const via = origin ? await probe(isolate.runtime, origin, isolate.secret) : null;
  return finish(visit, Response.json(await observe(isolate, via)));
}
