/**
 * For an MCP server of one's own that stands where mcpist's origin stands: it answers the health check and the observation, turns away
 * whoever does not present the gateway secret, and says who calls. Reads the environment that the platforms give to an origin.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { DENY_HEADER, HEALTH_PATH, OBSERVATION_PATH, ORIGIN_HEADER, READY_PATH } from "../contract/headers.ts";
import { marksIn } from "../contract/marks.ts";
import { PLATFORM_NAME } from "../contract/names.ts";
import { createObserver } from "./http/observe.ts";
import { CLOUDFLARE_RANGES, createPeers, RANGES_RULE, readRanges } from "./http/peer.ts";
import { createGate, withoutSecret } from "./http/verify.ts";
import { type Identity, readIdentity } from "./identity.ts";

/** Stands before every request. */
export interface OriginGuard {
  /**
   * Call it first, on the raw request; the gateway secret is not among its headers afterwards. Asked again for the same request, it says
   * the same. @returns who calls; null when the request is answered already: a probe, or a refusal with 403.
   */
  admit(request: IncomingMessage, response: ServerResponse): Identity | null;
}

/** Who this origin is. */
export interface GuardOptions {
  /** Name of the origin in mcpist.config.ts. */
  readonly origin: string;
  /** Absent = `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * @throws {TypeError} when `origin` is no name that mcpist.config.ts takes.
 * @throws {Error} when no slot holds a gateway secret, or GATEWAY_RANGES no ranges: do not listen then. The message names the
 * variable, never its content.
 */
export function createOriginGuard({ origin, env = process.env }: GuardOptions): OriginGuard {
  if (!PLATFORM_NAME.shape.test(origin)) throw new TypeError(`the name of an origin is ${PLATFORM_NAME.words}`);
  const now = (): number => performance.now();
  const { GATEWAY_SECRET_A, GATEWAY_SECRET_B, GATEWAY_SECRET } = env;
  const gate = createGate({ GATEWAY_SECRET_A, GATEWAY_SECRET_B, GATEWAY_SECRET }, { now });
  if (!gate.ok) throw new Error(gate.error);
  const { value } = gate;
  const instanceId = env["FLY_MACHINE_ID"] ?? env["KOYEB_INSTANCE_ID"] ?? `local-${randomUUID()}`;
  const deployment = env["FLY_MACHINE_VERSION"] ?? env["KOYEB_REGIONAL_DEPLOYMENT_ID"] ?? "local";
  const observer = createObserver(value, { instanceId, deployment, marks: marksIn(env) }, now);
  const ranges = env["GATEWAY_RANGES"] === undefined ? CLOUDFLARE_RANGES : readRanges(env["GATEWAY_RANGES"]);
  if (!ranges) throw new Error(`GATEWAY_RANGES ${RANGES_RULE}`);
  const peerOf = createPeers(env["FLY_MACHINE_ID"] !== undefined, ranges);

  const admitted = new WeakMap<IncomingMessage, Identity>();
  const answer = (response: ServerResponse, status: number, body: unknown): null => {
    const text = body === undefined ? "" : JSON.stringify(body);
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" }).end(text);
    return null;
  };
  const refuse = (response: ServerResponse, reason: "gateway_secret" | "identity"): null => {
    // The body, if there is one, is not read: the connection ends with the answer.
    response.writeHead(reason === "identity" ? 500 : 403, {
      [DENY_HEADER]: reason,
      "content-length": "0",
      connection: "close",
    });
    response.end();
    return null;
  };
  return {
    admit(request, response) {
      const known = admitted.get(request);
      if (known) return known;
      response.setHeader(ORIGIN_HEADER, origin);
      const path = (request.url ?? "").split("?", 1)[0] ?? "";
      const reads = request.method === "GET" || request.method === "HEAD";
      if (reads) {
        if (path === HEALTH_PATH) return answer(response, 200, { status: "ok" });
        if (path === OBSERVATION_PATH) {
          const observation = observer.observe(request.rawHeaders);
          return observation ? answer(response, 200, observation) : answer(response, 429, undefined);
        }
      }
      const checked = value.check(request.rawHeaders);
      if (!checked.accepted) return refuse(response, "gateway_secret");
      value.note(checked.kid, peerOf(request.rawHeaders));
      withoutSecret(request);
      // The gateway asks it each minute, for no user: whoever does not answer is down.
      if (reads && path === READY_PATH) return answer(response, 200, { status: "ready" });
      const identity = readIdentity(request.rawHeaders);
      if (!identity) return refuse(response, "identity");
      admitted.set(request, identity);
      return identity;
    },
  };
}
