/**
 * JSON over HTTP to a provider's API, for modules. It sends the user's token only to the configured base URL, follows no redirect,
 * reads no more than a limit, and turns every failure into a text of ours: a provider's own words never reach a log or a model.
 */
import type { z } from "zod";
import type { Secret } from "./secret.ts";
import { ToolError, type ToolContext } from "./module.ts";

/** One call to a provider. Unit: milliseconds. */
const UPSTREAM_TIMEOUT_MS = 15_000;
/** Tokens after the first: the one that another origin has refreshed meanwhile, and the one after it when that has ended too. */
const MAX_RENEWALS = 2;
/** Unit: bytes. */
export const MAX_REPLY_BYTES = 2 * 1024 * 1024;

/** One API. */
export interface UpstreamSettings {
  /** For texts, for example "GitHub". */
  readonly provider: string;
  /** Without a trailing slash. */
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: typeof fetch;
}

/** One call. */
export interface UpstreamCall<Shape extends z.ZodType> {
  readonly method: "GET" | "POST" | "PATCH";
  /** Path segments, unencoded. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: unknown;
  /** What the reply must look like. */
  readonly shape: Shape;
}

/** A reply. */
export interface UpstreamReply<T> {
  readonly value: T;
  /** `Link` header, for pagination. */
  readonly link: string | null;
}

/** Calls the API with the token of the user. @throws {@link ToolError} on everything but a well-formed 2xx. */
export type Upstream = <Shape extends z.ZodType>(
  call: UpstreamCall<Shape>,
  context: ToolContext,
  token: Secret,
) => Promise<UpstreamReply<z.output<Shape>>>;

/** Seconds until the provider wants to be asked again, or null. Reads `Retry-After` and GitHub's reset time. */
function retryAfter(headers: Headers, now: Date): number | null {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  if (Number.isFinite(seconds) && seconds >= 0) return Math.ceil(seconds);
  const reset = Number(headers.get("x-ratelimit-reset") ?? Number.NaN);
  return Number.isFinite(reset) ? Math.max(1, Math.ceil(reset - now.getTime() / 1000)) : null;
}

function explain(provider: string, response: Response, now: Date): ToolError {
  const { status, headers } = response;
  const limited =
    status === 429 || (status === 403 && (headers.get("x-ratelimit-remaining") === "0" || headers.has("retry-after")));
  if (limited) {
    const wait = retryAfter(headers, now);
    return new ToolError(`${provider} limits requests. Try again ${wait === null ? "later" : `in ${wait} seconds`}.`);
  }
  if (status === 401) return new ToolError(`${provider} no longer accepts the connection. Connect your account again.`);
  if (status === 403) return new ToolError(`${provider} does not allow this for your account.`);
  if (status === 404 || status === 410)
    return new ToolError(`${provider} has nothing under this name, or hides it from your account.`);
  if (status === 400 || status === 409 || status === 422)
    return new ToolError(`${provider} did not accept the parameters.`);
  if (status >= 300 && status < 400)
    return new ToolError(`${provider} answered with a redirect, which is not followed.`);
  return new ToolError(`${provider} is not available. Try again later.`);
}

async function readLimited(response: Response, provider: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_REPLY_BYTES) throw new ToolError(`${provider} sent more than fits.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Absolute URL of a call; a segment can neither climb nor leave. */
export function urlOf(
  baseUrl: string,
  path: readonly string[],
  query: Readonly<Record<string, string | number>> = {},
): URL {
  if (path.some((segment) => segment === "" || segment === "." || segment === ".."))
    throw new ToolError("A name in the parameters is empty or consists of dots.");
  const url = new URL(`${baseUrl}/${path.map(encodeURIComponent).join("/")}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
  return url;
}

/** Builds the client of one API. */
export function createUpstream({ provider, baseUrl, headers, fetch }: UpstreamSettings): Upstream {
  return async ({ method, path, query, body, shape }, context, token) => {
    const url = urlOf(baseUrl, path, query);
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(UPSTREAM_TIMEOUT_MS)]);
    const ask = (bearer: Secret): Promise<Response> =>
      fetch(url, {
        method,
        headers: {
          ...headers,
          authorization: `Bearer ${bearer.reveal()}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(context.traceparent === null ? {} : { traceparent: context.traceparent }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: "manual",
        signal,
      });
    let response: Response;
    let text: string;
    try {
      response = await ask(token);
      // A 401 means that nothing was done, so even a write may be sent again with a token that is not the refused one.
      let bearer = token;
      for (let renewed = 0; response.status === 401 && renewed < MAX_RENEWALS; renewed++) {
        await response.body?.cancel();
        const other = await context.token(bearer);
        if (other.reveal() === bearer.reveal()) break;
        bearer = other;
        response = await ask(bearer);
      }
      if (!response.ok) {
        await response.body?.cancel();
        throw explain(provider, response, context.now());
      }
      text = await readLimited(response, provider);
    } catch (cause) {
      if (cause instanceof ToolError) throw cause;
      throw new ToolError(`${provider} did not answer in time.`);
    }
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw new ToolError(`${provider} sent something unexpected.`);
    }
    const parsed = shape.safeParse(json);
    if (!parsed.success) throw new ToolError(`${provider} sent something unexpected.`);
    return { value: parsed.data, link: response.headers.get("link") };
  };
}
