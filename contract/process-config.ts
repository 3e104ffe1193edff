/** What the processes of an environment are told: the `MCPIST_CONFIG` of its gateway and of its origins, made from mcpist.config.ts. */
import type { Environment } from "./config.ts";
import { isLoopbackUrl } from "./loopback.ts";
import { serverFolder, type ServerSettings } from "./servers.ts";
import type { GatewayConfig, OriginConfig } from "./runtime-config.ts";
import { SANDBOX_ENVIRONMENT } from "./sandbox.ts";

const SUPABASE_ISSUER = /\/auth\/v1\/?$/;
/** Supabase's rules are the stricter ones, so they hold wherever the issuer looks like Supabase. */
const providerOf = ({ provider, issuer }: Environment["auth"]): "supabase" | "oidc" =>
  provider ?? (SUPABASE_ISSUER.test(issuer) ? "supabase" : "oidc");

/** Base URL of the gateway, without a trailing slash. */
export const gatewayUrl = (env: Environment): string => env.cloudflare.url ?? `https://${env.cloudflare.hostname}`;

/** What goes into the Worker's `MCPIST_CONFIG`. */
export function gatewayConfigOf(environmentName: string, env: Environment): GatewayConfig {
  return {
    environment: environmentName,
    resource: env.auth.audience,
    issuer: env.auth.issuer,
    jwksUrl: env.auth.jwksUrl ?? `${env.auth.issuer.replace(/\/$/, "")}/.well-known/jwks.json`,
    origins: env.origins.map(({ name: origin, url: originUrl, state: originState }) => ({
      name: origin,
      url: originUrl,
      state: originState,
    })),
    allowedOrigins: env.allowedOrigins,
    limits: env.limits,
    auth: {
      maxLifetimeSeconds: Math.floor(env.auth.maxLifetime / 1000),
      allowAnonymous: env.auth.allowAnonymous,
      requireAal2: env.auth.requireAal2,
      clientIds: env.auth.clientIds,
      provider: providerOf(env.auth),
      ...(env.auth.alsoAudiences.length > 0 ? { alsoAudiences: env.auth.alsoAudiences } : {}),
      ...(env.auth.requiredScopes.length > 0 ? { requiredScopes: env.auth.requiredScopes } : {}),
    },
    sharedDatabase: env.database === "shared",
    showOrigin: env.showOrigin,
    worker: env.cloudflare.worker,
    securityContact: env.securityContact,
    ...presentationOf(env),
  };
}

/** What goes into an origin's `MCPIST_CONFIG`. */
export function originConfigOf(environmentName: string, env: Environment, originName: string): OriginConfig {
  const { baseUrls, httpStatusHosts, brokerUrl, alertWebhook } = env.modules;
  return {
    // An origin on this machine is the sandbox's, whatever environment is rehearsed: there, and only there, it may reach loopback.
    environment: isLoopbackUrl(env.cloudflare.url) ? SANDBOX_ENVIRONMENT : environmentName,
    origin: originName,
    upstreams: baseUrls,
    httpStatusHosts,
    brokerUrl,
    alertWebhook,
    database: env.database,
    ...presentationOf(env),
    ...(Object.keys(env.servers).length > 0 ? { servers: inImage(env.servers) } : {}),
  };
}

/** Absent = "meta". */
const presentationOf = ({ presentation }: Environment): { readonly presentation?: "native" } =>
  presentation === "native" ? { presentation } : {};

/** A folder beside the configuration is one of the image; an absolute path is where it says. */
const inImage = (servers: Environment["servers"]): Readonly<Record<string, ServerSettings>> =>
  Object.fromEntries(
    Object.entries(servers).map(([name, server]) => [
      name,
      server.folder === undefined || server.folder.startsWith("/") ? server : { ...server, folder: serverFolder(name) },
    ]),
  );
