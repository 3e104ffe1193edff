/** Forward proxies. Node's `fetch` ignores the usual variables unless it is told; this tool honours them by itself. */
import { parseSandboxUrls, SANDBOX_VARIABLE } from "../contract/sandbox.ts";
import { McpistError } from "./errors.ts";
import { HINTS } from "./hints/hints.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Handed on to every child that talks to a platform: how it gets out, and whom it trusts. */
const NETWORK_VARIABLES = [
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"].flatMap((name) => [name, name.toLowerCase()]),
  "NODE_USE_ENV_PROXY",
  "NODE_USE_SYSTEM_CA",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
] as const;

/** This machine itself is never asked through a proxy: the sandbox lives here. */
const HERE = ["localhost", "127.0.0.1", "[::1]", "::1"];

/** A joined sandbox names its own GitHub as HTTP_PROXY, for gh alone: it forwards nothing else. */
const isSandboxOwn = (env: Env, value: string): boolean =>
  value === parseSandboxUrls(env[SANDBOX_VARIABLE] ?? "")?.github;

function valueOf(env: Env, name: string): string | undefined {
  const value = env[name.toLowerCase()] || env[name] || undefined;
  return value !== undefined && isSandboxOwn(env, value) ? undefined : value;
}

/** The variables of {@link NETWORK_VARIABLES} that are set. */
export const networkEnv = (env: Env): Record<string, string> =>
  Object.fromEntries(NETWORK_VARIABLES.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));

/** What a person is told about the way out. */
export interface ProxyUse {
  /** Variables that name a proxy. Never their values: they may hold a password. */
  readonly variables: readonly string[];
  /** Host of the proxy of https calls; null = none, or its URL cannot be read. */
  readonly host: string | null;
  /** Calls go through it. */
  readonly used: boolean;
}

/** @param native Node can be told while it runs (24.14 and newer). */
export function proxyUse(env: Env, native: boolean = canBeTold()): ProxyUse {
  const variables = ["HTTPS_PROXY", "HTTP_PROXY"].filter((name) => valueOf(env, name) !== undefined);
  const url = valueOf(env, "HTTPS_PROXY");
  const host = url !== undefined && URL.canParse(url) ? new URL(url).host : null;
  return { variables, host, used: variables.length > 0 && (native || env["NODE_USE_ENV_PROXY"] === "1") };
}

/**
 * Sends this process's calls through the proxy that the variables name. Does nothing where none is named, or Node does it already.
 * @throws {McpistError} ERR_CONFIG when a variable does not name a proxy.
 */
export function useProxy(env: Env): void {
  const { variables } = proxyUse(env);
  if (variables.length === 0 || env["NODE_USE_ENV_PROXY"] === "1" || !canBeTold()) return;
  const [httpProxy, httpsProxy] = [valueOf(env, "HTTP_PROXY"), valueOf(env, "HTTPS_PROXY")];
  try {
    nodeHttp().setGlobalProxyFromEnv({
      ...(httpProxy === undefined ? {} : { http_proxy: httpProxy }),
      ...(httpsProxy === undefined ? {} : { https_proxy: httpsProxy }),
      no_proxy: [valueOf(env, "NO_PROXY"), ...HERE].filter((name) => name !== undefined).join(),
    });
  } catch (cause) {
    throw new McpistError("ERR_CONFIG", `${variables.join(" or ")} does not name a proxy`, {
      hint: HINTS.proxyAddress(),
      cause,
    });
  }
}

/** One sentence for a hint; "" where no proxy is named. */
export function proxyAdvice(env: Env, native?: boolean): string {
  const { variables, used } = proxyUse(env, native);
  if (variables.length === 0) return "";
  const names = variables.join(" and ");
  return used
    ? `; calls go through the proxy of ${names}`
    : `; ${names} is set, and this Node uses it only with NODE_USE_ENV_PROXY=1`;
}

/** Loaded at need: `--help` does without. */
const nodeHttp = () => process.getBuiltinModule("node:http");

function canBeTold(): boolean {
  return typeof (nodeHttp() as { setGlobalProxyFromEnv?: unknown }).setGlobalProxyFromEnv === "function";
}
