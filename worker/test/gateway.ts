/** The real Worker in workerd, bundled as it is deployed, between a test and small origins on loopback. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import type { GatewayConfig } from "../../contract/runtime-config.ts";
import { makeKey, type IssuerKey } from "./tokens.ts";

/** A secret for tests; its kid is not written down anywhere. */
export const SECRET = "9f00112233445566778899aabbccddeeff0123456789abcdeffedcba98765432";

let bundled: Promise<string> | null = null;
/** worker/index.ts as one module. */
export const bundle = (): Promise<string> => (bundled ??= bundleOnce());
async function bundleOnce(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "../index.ts")],
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker"],
    external: ["cloudflare:*"],
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

/** What an origin got. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** True once the gateway closed the connection before the answer was complete. */
  cancelled: boolean;
}

/** Answers a request; the body was read. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse, seen: Seen) => void | Promise<void>;

export interface TestOrigin {
  readonly url: string;
  readonly server: Server;
  readonly seen: Seen[];
  /** The gateway's own questions whether it is there; they are answered like everything else. */
  readonly asked: Seen[];
  behave: Behaviour;
  /** Answers the gateway's own questions; null = as everything else. */
  whenAsked: Behaviour | null;
  close(): Promise<void>;
}

/** What a working origin answers. */
export const answers =
  (name: string): Behaviour =>
  (_request, response) => {
    response.writeHead(200, { "content-type": "application/json", "x-mcpist-origin": name });
    response.end(JSON.stringify({ jsonrpc: "2.0", id: 1, result: { servedBy: name } }));
  };

/** A small origin on loopback. */
export async function startOrigin(name: string, behave: Behaviour = answers(name)): Promise<TestOrigin> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers, rawHeaders } = request;
      const seen: Seen = { method, url, headers, rawHeaders, body: Buffer.concat(chunks).toString(), cancelled: false };
      response.on("close", () => {
        if (!response.writableFinished) seen.cancelled = true;
      });
      const isAsked = url === "/health/ready";
      (isAsked ? origin.asked : origin.seen).push(seen);
      void ((isAsked ? origin.whenAsked : null) ?? origin.behave)(request, response, seen);
    });
    request.on("error", () => undefined);
  });
  // Longer than the gateway keeps an idle connection: a closing that meets a request is no answer of an origin.
  server.keepAliveTimeout = 65_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin: TestOrigin = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    seen: [],
    asked: [],
    behave,
    whenAsked: null,
    async close() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return origin;
}

/** An issuer that serves a key set over HTTP. */
export interface TestIssuer {
  readonly key: IssuerKey;
  readonly origin: TestOrigin;
  readonly url: string;
}

export async function startIssuer(): Promise<TestIssuer> {
  const key = await makeKey("key-1");
  const origin = await startOrigin("issuer", (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ keys: [key.publicJwk] }));
  });
  return { key, origin, url: `${origin.url}/.well-known/jwks.json` };
}

/** Bindings that differ from the ordinary ones. */
export interface GatewayOptions {
  readonly config: GatewayConfig | null;
  readonly secret?: string | null;
  /** Absent = any. */
  readonly port?: number;
  readonly perIpPerMinute?: number;
  readonly failedAuthPerMinute?: number;
}

export interface TestGateway {
  readonly url: string;
  readonly miniflare: Miniflare;
  /** Lines that the Worker logged, parsed. */
  readonly events: Record<string, unknown>[];
  /** Everything the Worker wrote. */
  readonly output: string[];
  close(): Promise<void>;
}

/** Starts the Worker; `close` ends it. */
export async function startGateway({
  config,
  secret = SECRET,
  port = 0,
  ...limits
}: GatewayOptions): Promise<TestGateway> {
  const events: Record<string, unknown>[] = [];
  const output: string[] = [];
  const miniflare = new Miniflare({
    modules: true,
    script: await bundle(),
    compatibilityDate: "2026-07-01",
    bindings: {
      ...(config ? { MCPIST_CONFIG: JSON.stringify(config) } : {}),
      ...(secret === null ? {} : { GATEWAY_SECRET: secret }),
      CF_VERSION_METADATA: { id: "00000000-0000-4000-8000-000000000001" },
    },
    kvNamespaces: ["KV"],
    durableObjects: { BURST: "UserBurst" },
    ratelimits: {
      RL_IP: { namespace_id: "1001", simple: { limit: limits.perIpPerMinute ?? 100_000, period: 60 } },
      RL_AUTH: { namespace_id: "1002", simple: { limit: limits.failedAuthPerMinute ?? 100_000, period: 60 } },
    },
    handleStructuredLogs: ({ message }: { message: string }) => {
      output.push(message);
      try {
        events.push(JSON.parse(message) as Record<string, unknown>);
      } catch {
        /* not one of ours */
      }
    },
    port,
    host: "127.0.0.1",
  });
  const url = (await miniflare.ready).href.replace(/\/$/, "");
  return { url, miniflare, events, output, close: () => miniflare.dispose() };
}
