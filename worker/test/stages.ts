/** The Worker's steps one by one, each many times inside workerd: where a request's processor time goes. Bundled, never deployed. */
import { Authenticator } from "../authenticate.ts";
import { BurstCounter } from "../burst.ts";
import { askBurst } from "../burst-call.ts";
import type { Env, Runtime } from "../env.ts";
import { harden } from "../hygiene.ts";
import { KeyResolver } from "../jwks/resolver.ts";
import { bearer } from "../policy/bearer.ts";
import { era, legacyCall, modernClass } from "../policy/era.ts";
import { returnedHeaders, originHeaders, withAttempt } from "../policy/crossing-headers.ts";
import { burstLimit, rateLimitHeaders } from "../policy/rate-limit-headers.ts";
import { route } from "../policy/route.ts";
import { inspectHeaders, query, shape } from "../policy/shape.ts";
import { mintRequestId } from "../../contract/request-id.ts";
import { parseGatewayConfig } from "../../contract/runtime-config.ts";

export { UserBurst } from "../user-burst.ts";

const runtime: Runtime = { now: () => Date.now(), fetch: (url, init) => fetch(url, init), log: () => undefined };
const identity = { sub: "11111111-2222-4333-8444-555555555555", clientId: "client-1", exp: 0 };
const nothing = (): void => undefined;

/** `GET /<stage>?n=<times>`; the request is the sample. Answers when the work is done: the clock is outside. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url);
    const times = Number(url.searchParams.get("n"));
    const config = parseGatewayConfig(env.MCPIST_CONFIG);
    if (!config.ok) return new Response(config.error, { status: 500 });
    const { headers } = request;
    const token = bearer(headers.get("authorization"));
    if (!token.ok) return new Response(token.error.reason, { status: 401 });
    const keys = new KeyResolver({ url: config.value.jwksUrl, runtime, kv: undefined, report: nothing });
    const cached = new Authenticator(config.value, keys);
    const warm = await cached.authenticate(token.value, Date.now(), nothing);
    if (!warm.ok) return new Response(warm.error.reason, { status: 401 });
    const body = new TextEncoder().encode(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"call","arguments":{"module":"time","tool":"now","params":{}}}}',
    );
    const counter = new BurstCounter();
    const object = env.BURST?.get(env.BURST.idFromName(identity.sub));
    const answer = new Headers({ "content-type": "application/json", "x-mcpist-origin": "koyeb" });
    const stages: Readonly<Record<string, () => unknown>> = {
      empty: nothing,
      "request id": () => mintRequestId(Date.now()),
      form: () => [route("POST", "/mcp"), query(""), inspectHeaders(headers), shape(headers)],
      "token, cached": () => cached.authenticate(token.value, Date.now(), nothing),
      "token, in full": () => new Authenticator(config.value, keys).authenticate(token.value, Date.now(), nothing),
      "class, modern": () => [era("2026-07-28"), modernClass(headers, "meta")],
      "class, legacy": () => [era("2025-11-25"), legacyCall(body, "meta")],
      "burst, arithmetic": () => counter.take(Date.now(), 1_000_000),
      "burst, object": () => object && askBurst(object, { rate: 999_999, lease: 1, depth: 999_999, waitMs: 0 }),
      "headers to origin": () =>
        new Headers(
          withAttempt(originHeaders(headers, { secret: "s", identity, requestId: "r", version: "2026-07-28" }), 1),
        ),
      "headers to client": () =>
        new Headers(
          harden(
            { ...returnedHeaders(answer, false), ...rateLimitHeaders(burstLimit(5, 30, 29), answer) },
            "01a2037a-11ab-71b2-b4f0-cbea78024c4b",
          ),
        ),
    };
    const name = decodeURIComponent(url.pathname.slice(1));
    const stage = stages[name];
    if (!stage) return Response.json(Object.keys(stages));
    for (let i = 0; i < times; i++) await stage();
    return new Response("done");
  },
};
