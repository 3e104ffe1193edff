/** One gateway with an issuer and two origins, for a test file: started once, quiet between tests. */
import {
  answers,
  startGateway,
  startIssuer,
  startOrigin,
  type GatewayOptions,
  type TestGateway,
  type TestIssuer,
  type TestOrigin,
} from "./gateway.ts";
import { configOf } from "./config.ts";
import { claimsAt, signToken } from "./tokens.ts";
import type { GatewayConfig } from "../../contract/runtime-config.ts";

export const CALL = { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "call", arguments: {} } };
/** Headers of a modern request for {@link CALL}. */
export const MODERN = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "call" };

export interface Session {
  readonly issuer: TestIssuer;
  readonly koyeb: TestOrigin;
  readonly fly: TestOrigin;
  readonly gateway: TestGateway;
  /** A token of a user who has made no request yet. */
  readonly token: (claims?: Readonly<Record<string, unknown>>) => Promise<string>;
  readonly post: (
    token: string | null,
    headers?: Readonly<Record<string, string>>,
    body?: unknown,
    init?: Omit<RequestInit, "headers">,
  ) => Promise<Response>;
  /**
   * Forgets what was seen and mends the origins. They say that they are there whatever a test makes them answer: what the gateway asks
   * in a later one because of it would keep that one's requests away.
   */
  readonly reset: () => void;
  readonly close: () => Promise<void>;
}

/**
 * As fetch, on a connection of its own: one that its other end closes, after a refusal before the end of a body or because nothing came
 * for a while, must not meet the next request.
 */
export const fetchAlone = (
  url: string,
  init: Omit<RequestInit, "headers"> & { readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Response> => fetch(url, { ...init, headers: { connection: "close", ...init.headers } });

let users = 0;
/** A new user, so that the limits of one test do not meet another. */
export const newUser = (): string => `11111111-2222-4333-8444-${String(++users).padStart(12, "0")}`;

export async function startSession(
  config: Partial<GatewayConfig> = {},
  options: Partial<GatewayOptions> = {},
): Promise<Session> {
  const [issuer, koyeb, fly] = await Promise.all([startIssuer(), startOrigin("koyeb"), startOrigin("fly")]);
  const origins = [
    { name: "koyeb", url: koyeb.url },
    { name: "fly", url: fly.url },
  ];
  const gateway = await startGateway({ config: configOf(origins, issuer.url, config), ...options });
  const session: Session = {
    issuer,
    koyeb,
    fly,
    gateway,
    token: (claims) => signToken(issuer.key, claimsAt(Math.floor(Date.now() / 1000), { sub: newUser(), ...claims })),
    post: (token, headers = {}, body = CALL, init = {}) =>
      fetchAlone(`${gateway.url}/mcp`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: typeof body === "string" ? body : JSON.stringify(body),
        ...init,
      }),
    reset() {
      koyeb.behave = koyeb.whenAsked = answers("koyeb");
      fly.behave = fly.whenAsked = answers("fly");
      for (const list of [koyeb.seen, fly.seen, gateway.events, gateway.output]) list.length = 0;
    },
    async close() {
      await gateway.close();
      await Promise.all([koyeb.close(), fly.close(), issuer.origin.close()]);
    },
  };
  return session;
}
