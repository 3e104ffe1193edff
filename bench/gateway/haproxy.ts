/**
 * HAProxy from Debian doing the same work, the honest peer: ES256 signature, algorithm, issuer, audience, expiry, a counter per
 * address and per user, trusted headers replaced, a backup server. What it does not do: key ids, key rotation, fail over by method.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "./workerd.ts";

export interface HaproxySpec {
  readonly port: number;
  readonly originPort: number;
  /** PEM. */
  readonly publicKey: string;
  readonly issuer: string;
  readonly audience: string;
}

/** The same response headers as the gateway's. */
const RESPONSE_HEADERS = {
  "Strict-Transport-Security": "max-age=63072000; includeSubDomains; preload",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
  RateLimit: '\\"burst\\";r=4;t=1',
  "RateLimit-Policy": '\\"burst\\";q=5;w=1',
};

export async function haproxyCommand({ port, originPort, publicKey, issuer, audience }: HaproxySpec): Promise<Command> {
  const folder = await mkdtemp(join(tmpdir(), "mcpist-bench-"));
  const key = join(folder, "key.pem");
  const responseHeaders = Object.entries(RESPONSE_HEADERS)
    .map(([name, value]) => `  http-response set-header ${name} "${value}"`)
    .join("\n");
  const config = `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend gateway
  bind 127.0.0.1:${port}
  stick-table type ip size 100k expire 60s store http_req_rate(60s)
  http-request track-sc0 src
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100000000 }
  http-request deny deny_status 404 unless { path /mcp } { method POST }
  http-request deny deny_status 400 unless { req.hdr(content-type) -m beg application/json }
  http-request set-var(txn.token) http_auth_bearer
  http-request deny deny_status 401 unless { var(txn.token) -m found }
  http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')
  http-request deny deny_status 401 unless { var(txn.alg) -m str ES256 }
  http-request deny deny_status 401 unless { var(txn.token),jwt_payload_query('$.iss') -m str ${issuer} }
  http-request deny deny_status 401 unless { var(txn.token),jwt_payload_query('$.aud') -m str ${audience} }
  http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
  http-request deny deny_status 401 unless { var(txn.token),jwt_verify(txn.alg,"${key}") 1 }
  http-request set-var(txn.sub) var(txn.token),jwt_payload_query('$.sub')
  http-request track-sc1 var(txn.sub) table users
  http-request deny deny_status 429 if { sc_http_req_rate(1) gt 100000000 }
  http-request del-header authorization
  http-request del-header x- -m beg
  http-request del-header cookie
  http-request set-header X-User-ID %[var(txn.sub)]
  http-request set-header X-Gateway-Secret "\${GATEWAY_SECRET}"
  http-request set-var(txn.id) uuid()
  http-request set-header X-Request-ID %[var(txn.id)]
  http-response set-header X-Request-ID %[var(txn.id)]
${responseHeaders}
  default_backend origins
backend users
  stick-table type string len 36 size 100k expire 10s store http_req_rate(1s)
backend origins
  option redispatch
  server first 127.0.0.1:${originPort}
  server second 127.0.0.1:${originPort} backup
`;
  await Promise.all([writeFile(join(folder, "haproxy.cfg"), config), writeFile(key, publicKey)]);
  return {
    file: "haproxy",
    args: ["-f", join(folder, "haproxy.cfg"), "-db", "-q"],
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
