/**
 * Where a database is and how it is reached. Beyond this machine the connection is encrypted and the server's certificate is checked, with
 * its name; the parameters by which the driver would do less are refused. This text is the same in contract/ and in
 * supabase/functions/token-broker, which share no code.
 */
import { isLoopbackHost } from "./loopback.ts";

/** What the driver is given: the URL without everything that concerns TLS, and what to do about TLS instead. */
export interface DatabaseAddress {
  readonly url: string;
  /** false = this machine, or a private network that the URL asks for. */
  readonly verify: boolean;
  /** File with the certificate of the authority, PEM; null = the authorities that the runtime knows. */
  readonly caFile: string | null;
}

/** Parameters that move the connection elsewhere or weaken it; none of them is needed. */
const REFUSED = ["host", "hostaddr", "ssl", "uselibpqcompat", "sslnegotiation", "sslcert", "sslkey"] as const;
const VERIFYING: ReadonlySet<unknown> = new Set(["verify-full", "require"]);
/** This machine: by address, or by the path of a socket. */
const isLocal = (host: string): boolean => isLoopbackHost(host) || host.startsWith("/");
/** Fly.io's network between an organisation's own machines, which is encrypted by itself. */
const PRIVATE = /\.(?:internal|flycast)$/i;

function hostOf({ hostname }: URL): string {
  try {
    return decodeURIComponent(hostname);
  } catch {
    return "";
  }
}

/** Reads a postgres:// URL. @returns as text what is wrong with it, to be put behind the variable's name; never a part of it. */
export function readDatabaseUrl(text: string): DatabaseAddress | string {
  if (!/^postgres(ql)?:\/\/\S+$/.test(text) || !URL.canParse(text))
    return "must be a postgres:// URL without white space";
  const url = new URL(text);
  const refused = REFUSED.find((name) => url.searchParams.has(name));
  if (refused !== undefined) return `must not have the parameter ${refused}`;
  const modes = url.searchParams.getAll("sslmode");
  const files = url.searchParams.getAll("sslrootcert");
  if (modes.length > 1 || files.length > 1) return "must say sslmode and sslrootcert once at most";
  const host = hostOf(url);
  if (host === "") return "must name a host";
  url.searchParams.delete("sslmode");
  url.searchParams.delete("sslrootcert");
  const [mode] = modes;
  if (VERIFYING.has(mode)) return { url: url.href, verify: true, caFile: files[0] ?? null };
  if (files.length > 0) return "must say sslmode=verify-full where it names sslrootcert";
  if (isLocal(host) && (mode === undefined || mode === "disable"))
    return { url: url.href, verify: false, caFile: null };
  if (PRIVATE.test(host) && mode === "disable") return { url: url.href, verify: false, caFile: null };
  return "must say sslmode=verify-full (sslmode=disable is for this machine, and for .internal and .flycast)";
}
