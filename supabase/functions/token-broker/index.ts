/**
 * Supabase Edge Function `token-broker`, on Deno. Deploy with JWT verification off (supabase/config.toml): callers are origins, which have
 * no JWT, and the function checks its own credential. Its secrets: BROKER_SECRET_A, BROKER_SECRET_B, BROKER_DATABASE_URL (role
 * mcpist_broker), BROKER_DATABASE_CA (the certificate of an authority that Deno does not know, PEM) and MCPIST_PROVIDERS, a JSON object of {tokenUrl, clientId, clientSecret, style?} by module name.
 */
import pg from "npm:pg@8.23.1";
import { createCredentialCheck } from "./credential.ts";
import { overPool, poolSettings } from "./database.ts";
import { createBroker } from "./handler.ts";
import { isLoopbackHost } from "./loopback.ts";
import { STYLES, type Provider } from "./refresh.ts";

/** Parses the providers. @throws {TypeError} without quoting what was there. */
function providersIn(text: string | undefined): ReadonlyMap<string, Provider> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text ?? "{}");
  } catch {
    throw new TypeError("MCPIST_PROVIDERS must be JSON");
  }
  const providers = new Map<string, Provider>();
  for (const [module, value] of Object.entries(parsed as Record<string, Partial<Provider>>)) {
    const { tokenUrl = "", clientId = "", clientSecret = "" } = value;
    // A module that is named like a style speaks it, unless something else is said.
    const style = value.style ?? STYLES.find((known) => known === module) ?? "rfc6749";
    const url = URL.canParse(tokenUrl) ? new URL(tokenUrl) : null;
    const safe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopbackHost(url.hostname));
    if (!safe || clientId === "" || clientSecret === "")
      throw new TypeError("MCPIST_PROVIDERS needs tokenUrl (https), clientId and clientSecret per module");
    if (!STYLES.includes(style)) throw new TypeError(`MCPIST_PROVIDERS: style must be one of ${STYLES.join(", ")}`);
    providers.set(module, { tokenUrl, clientId, clientSecret, style });
  }
  return providers;
}

/** Supabase's way to keep an instance until something is done; plain Deno has none and needs none. */
declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void } | undefined;

Deno.serve(
  createBroker({
    database: overPool(
      new pg.Pool(poolSettings(Deno.env.get("BROKER_DATABASE_URL"), Deno.env.get("BROKER_DATABASE_CA"))),
    ),
    isCaller: createCredentialCheck(Deno.env.get("BROKER_SECRET_A"), Deno.env.get("BROKER_SECRET_B")),
    providers: providersIn(Deno.env.get("MCPIST_PROVIDERS")),
    fetch,
    line: (event) => console.log(JSON.stringify(event)), // oxlint-disable-line no-console -- the Edge Runtime collects the console
    now: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    later(work) {
      if (typeof EdgeRuntime !== "undefined") EdgeRuntime.waitUntil(work);
    },
  }),
);
