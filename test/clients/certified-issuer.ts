/**
 * An issuer that is not Supabase: `oidc-provider`, certified by the OpenID Foundation, as an operator would run it for MCP. Registration is
 * open, access tokens are JWTs for one resource, and whoever comes is signed in as the person that the client hints at.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { pathToFileURL } from "node:url";
import { exportJWK, generateKeyPair } from "jose";

/** What is used of the package, which has no types of its own. */
interface Provider {
  readonly Grant: new (of: object) => {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(): Promise<string>;
  };
  callback(): (request: IncomingMessage, response: ServerResponse) => void;
  interactionDetails(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<{
    readonly prompt: { readonly name: string };
    readonly params: { readonly client_id: string; readonly login_hint?: string; readonly scope?: string };
    readonly session?: { readonly accountId: string };
  }>;
  interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>;
}
interface Package {
  readonly Provider: new (issuer: string, settings: object) => Provider;
}
interface Jwt {
  readonly payload: { sub: string; iat: number; exp: number };
}

/** What clients have to ask for: this issuer gives no token for nothing. */
export const SCOPE = "mcp:use";
/** Difference of clocks that the gateway forgives. Unit: seconds. */
const SKEW_SECONDS = 30;

export interface CertifiedIssuer {
  readonly issuer: string;
  readonly jwksUrl: string;
  close(): Promise<void>;
}

/** Who the tokens are for, and whose end soon. */
export interface IssuerOptions {
  /** Path of the installed package's main module. */
  readonly module: string;
  readonly port: number;
  readonly resource: string;
  /** Their first access token is refused {@link secondsLeft} after it was issued. */
  readonly hasty: string;
  readonly secondsLeft: number;
}

/** Starts it on loopback. */
export async function startCertifiedIssuer(options: IssuerOptions): Promise<CertifiedIssuer> {
  const { resource, hasty, secondsLeft } = options;
  const issuer = `http://127.0.0.1:${options.port}`;
  const { Provider } = (await import(pathToFileURL(options.module).href)) as Package;
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: "key-1", alg: "ES256", use: "sig" }] },
    cookies: { keys: [randomBytes(32).toString("hex")] },
    clientDefaults: { id_token_signed_response_alg: "ES256" },
    scopes: ["openid", SCOPE],
    pkce: { required: () => true },
    findAccount: (_: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
    interactions: { url: (_: unknown, { uid }: { readonly uid: string }) => `/interaction/${uid}` },
    issueRefreshToken: () => true,
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: SCOPE,
          audience: resource,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
    formats: {
      customizers: {
        jwt({ oidc }: { readonly oidc: { readonly params: { readonly grant_type?: string } } }, _: unknown, jwt: Jwt) {
          if (jwt.payload.sub !== hasty || oidc.params.grant_type !== "authorization_code") return;
          jwt.payload.iat -= SKEW_SECONDS;
          jwt.payload.exp = jwt.payload.iat + secondsLeft;
        },
      },
    },
  });

  async function interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (prompt.name === "login") {
      await provider.interactionFinished(request, response, { login: { accountId: params.login_hint } });
      return;
    }
    const grant = new provider.Grant({ accountId: session?.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope ?? "");
    grant.addResourceScope(resource, params.scope ?? "");
    await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
  }

  const serve = provider.callback();
  const server = createServer((request, response) => {
    if (!request.url?.startsWith("/interaction/")) {
      serve(request, response);
      return;
    }
    interact(request, response).catch((error: unknown) => {
      response.writeHead(500).end(error instanceof Error ? error.message : "error");
    });
  });
  // Longer than any client keeps an idle connection.
  server.keepAliveTimeout = 120_000;
  server.listen(options.port, "127.0.0.1");
  await once(server, "listening");
  return {
    issuer,
    jwksUrl: `${issuer}/jwks`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
