/** Public documents of the gateway: OAuth protected resource metadata (RFC 9728), security.txt (RFC 9116), two constant texts. */
import type { GatewayConfig } from "../contract/runtime-config.ts";
import { CHALLENGE_SCOPE } from "./constants.ts";
import { METADATA_PATH, SECURITY_TXT_PATH } from "./policy/route.ts";

/** The one metadata URL that challenges point to: the well-known part goes in front of the path (RFC 9728 §3.1). */
export function metadataUrl(resource: string): string {
  const { origin, pathname } = new URL(resource);
  return origin + METADATA_PATH + (pathname === "/" ? "" : pathname);
}

/**
 * What a client is asked to request: what every token must carry, else the least that Supabase knows. Of another provider's scopes
 * nothing is known, and one that it does not have would make it refuse the client's registration: then none.
 */
export function scopesOf({ auth: { requiredScopes = [], provider } }: GatewayConfig): readonly string[] {
  if (requiredScopes.length > 0) return requiredScopes;
  return provider === "oidc" ? [] : [CHALLENGE_SCOPE];
}

/** `resource` and the token's `aud` are the same text, byte for byte. */
export function resourceMetadata(config: GatewayConfig): Response {
  const scopes = scopesOf(config);
  return Response.json(
    {
      resource: config.resource,
      authorization_servers: [config.issuer],
      bearer_methods_supported: ["header"],
      ...(scopes.length > 0 ? { scopes_supported: scopes } : {}),
    },
    { headers: { "cache-control": "max-age=3600", "access-control-allow-origin": "*" } },
  );
}

/** The issuer's document as it is; shorter-lived than ours, because it is not ours. */
export const serverMetadata = (document: Uint8Array<ArrayBuffer>): Response =>
  new Response(document, {
    headers: {
      "content-type": "application/json",
      "cache-control": "max-age=300",
      "access-control-allow-origin": "*",
    },
  });

/** RFC 9116 §2.5.5: less than a year. */
const SECURITY_TXT_DAYS = 364;

/** @param now milliseconds since the epoch */
export function securityTxt(config: GatewayConfig, contact: string, now: number): Response {
  const expires = new Date(now + SECURITY_TXT_DAYS * 86_400_000).toISOString().replace(/\.\d+Z$/, "Z");
  const canonical = new URL(SECURITY_TXT_PATH, config.resource).href;
  const text = `Contact: ${contact}\nExpires: ${expires}\nCanonical: ${canonical}\nPreferred-Languages: en\n`;
  return new Response(text, {
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "max-age=86400" },
  });
}

const plain = (text: string): Response =>
  new Response(text, { headers: { "content-type": "text/plain; charset=utf-8" } });

/** Says nothing about configuration or origins: it is for uptime checks and curious people. */
export const rootPage = (): Response => plain("mcpist gateway: POST /mcp\n");
/** The Worker runs; nothing more. */
export const healthPage = (): Response => plain("ok\n");
