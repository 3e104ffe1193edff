/**
 * Module `http_status`: asks a listed host for the status of a URL. Built not to be a door into private networks: exact host list,
 * public addresses only, the checked address is the one that is connected to, no redirects, no body.
 */
import { lookup } from "node:dns/promises";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { z } from "zod";
import { isLoopbackHost } from "../../contract/loopback.ts";
import { isPublicAddress } from "./addresses.ts";
import { tool, ToolError, type Module } from "./module.ts";

/** Unit: milliseconds. */
const TIMEOUT_MS = 5_000;
const NOT_ALLOWED = "This URL is not on the list of hosts that may be asked.";
const NO_ANSWER = "The host did not answer.";

/** What the module needs from outside. */
export interface HttpStatusSettings {
  /** Host names, each with an optional `:port`; without one only the scheme's own port is allowed. */
  readonly hosts: readonly string[];
  /** The sandbox may ask its own loopback listeners on any port, when a loopback address is on the list. */
  readonly allowLoopback: boolean;
  /** All addresses of a host name. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
}

const resolveAll = async (hostname: string): Promise<readonly string[]> =>
  (await lookup(hostname, { all: true, verbatim: true })).map(({ address }) => address);

/** Addresses only: a name would have to be resolved, and may mean anything by then. The sandbox listens on IPv4. */
const isLoopbackV4 = (hostname: string): boolean => isIP(hostname) === 4 && isLoopbackHost(hostname);

/**
 * The URL, when its host is listed exactly. The parser has lower-cased the name, encoded non-ASCII and normalised odd spellings of
 * IPv4, so what is compared is what will be connected to. @throws {@link ToolError} otherwise.
 */
export function checkUrl(
  text: string,
  { hosts, allowLoopback }: Pick<HttpStatusSettings, "hosts" | "allowLoopback">,
): URL {
  if (!URL.canParse(text)) throw new ToolError("This is not a URL.");
  const url = new URL(text);
  const plain = (url.protocol === "http:" || url.protocol === "https:") && url.username === "" && url.password === "";
  const loopback = allowLoopback && isLoopbackV4(url.hostname) && hosts.includes(url.hostname);
  // `host` has the port only when it is not the scheme's own.
  if (!plain || !(hosts.includes(url.host) || loopback)) throw new ToolError(NOT_ALLOWED);
  return url;
}

/** The one address to connect to. A name with any address that is not public is refused as a whole. */
async function pin(url: URL, { allowLoopback, resolve = resolveAll }: HttpStatusSettings): Promise<string> {
  const literal = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(literal) !== 0) {
    if (isPublicAddress(literal) || (allowLoopback && isLoopbackV4(literal))) return literal;
    throw new ToolError(NOT_ALLOWED);
  }
  let addresses: readonly string[];
  try {
    addresses = await resolve(literal);
  } catch {
    throw new ToolError(NO_ANSWER);
  }
  const [first] = addresses;
  if (first === undefined) throw new ToolError(NO_ANSWER);
  if (!addresses.every(isPublicAddress)) throw new ToolError(NOT_ALLOWED);
  return first;
}

/** Status of one request to `address`; the connection is closed as soon as the headers are here. */
function ask(url: URL, method: string, address: string, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, {
      method,
      agent: false,
      signal,
      headers: { "user-agent": "mcpist-http-status", accept: "*/*" },
      // No second resolution: between the check and the connection the name could change its address.
      lookup: (_hostname, options, callback) => {
        const family = isIP(address);
        if (options.all === true) callback(null, [{ address, family }]);
        else callback(null, address, family);
      },
    });
    request.on("response", (response) => {
      resolve(response.statusCode ?? 0);
      request.destroy();
    });
    request.on("error", reject);
    request.end();
  });
}

/** Builds the module. */
export function httpStatus(settings: HttpStatusSettings): Module {
  return {
    name: "http_status",
    description: "HTTP status of URLs on listed hosts",
    network: true,
    scopes: [],
    tools: [
      tool({
        name: "check",
        description: "The HTTP status of a URL. Redirects are reported, not followed",
        input: z.strictObject({ url: z.string().min(1).max(2048), method: z.enum(["GET", "HEAD"]).default("HEAD") }),
        readOnly: true,
        idempotent: true,
        destructive: false,
        run: async ({ url: text, method }, { signal, now }) => {
          const url = checkUrl(text, settings);
          const address = await pin(url, settings);
          const started = now().getTime();
          try {
            const status = await ask(url, method, address, AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]));
            return { status, durationMs: now().getTime() - started };
          } catch {
            throw new ToolError(NO_ANSWER);
          }
        },
      }),
    ],
  };
}
