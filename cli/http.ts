/**
 * One vendor API over fetch: timeouts, retries that obey `retry-after`, and errors that name vendor, call and next step.
 * Never prints a request body or a header; answers are quoted only through the redactor, shortened.
 */
import { isSafeUrl } from "../contract/runtime-config.ts";
import type { Context } from "./context.ts";
import { McpistError } from "./errors.ts";
import { printable } from "./redact.ts";

/** Unit: milliseconds. */
const CALL_TIMEOUT_MS = 30_000;
const MAX_RETRY_WAIT_MS = 60_000;
const BACKOFF_MS = [250, 1000, 3000] as const;

/** How a vendor's API is reached. */
export interface ApiOptions {
  /** For messages: "GitHub", "Koyeb", … */
  readonly vendor: string;
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Name of the variable that holds the token, for hints. */
  readonly tokenVariable: string;
}

/** One call. */
export interface CallOptions {
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly form?: FormData;
  /** Sent as it is. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses besides 2xx that are an answer, not an error. */
  readonly accept?: readonly number[];
  /** Sending the same bytes twice has the same effect as once. Default: true for all but POST. */
  readonly repeatable?: boolean;
  /** Made after Ctrl-C too: it gives back what a run holds. */
  readonly evenIfInterrupted?: boolean;
}

/** An answer. `json` is null for an empty or unparseable body; then `text` has it. */
export interface ApiAnswer {
  readonly status: number;
  readonly json: unknown;
  readonly text: string;
  readonly headers: Headers;
}

/** Takes the body of an answer; a connection that breaks meanwhile is a call without an answer. */
type Read<Answer extends ApiAnswer> = (response: Response) => Promise<Answer>;

/** Client of one vendor. */
export class Api {
  readonly #options: ApiOptions;
  readonly #context: Context;

  /** @throws {McpistError} ERR_CONFIG when the base URL is neither https nor loopback. */
  constructor(context: Context, options: ApiOptions) {
    if (!isSafeUrl(options.baseUrl)) {
      throw new McpistError("ERR_CONFIG", `the base URL of ${options.vendor} is neither https nor on loopback`);
    }
    this.#options = { ...options, baseUrl: options.baseUrl.replace(/\/$/, "") };
    this.#context = context;
  }

  async get(path: string, options: CallOptions = {}): Promise<ApiAnswer> {
    return this.call("GET", path, options);
  }

  /** A multipart answer: its parts by name, and the name of the main one (Cloudflare's `cf-entrypoint`). @throws as {@link Api.call}. */
  async form(path: string): Promise<{ readonly form: FormData; readonly entrypoint: string }> {
    const { form, status, headers } = await this.#repeat("GET", path, {}, this.#readParts);
    if (!form)
      throw new McpistError(
        "ERR_VENDOR",
        `${this.#options.vendor} answered ${status} to GET ${withoutQuery(path)}, not the parts that were asked for`,
      );
    const [first] = form.keys();
    return { form, entrypoint: headers.get("cf-entrypoint") ?? first ?? "index.js" };
  }

  /**
   * One call with retries.
   * @throws {McpistError} ERR_UNAUTHORISED (401, 403), ERR_NOT_FOUND (404), ERR_RATE_LIMITED (429), ERR_UNREACHABLE, ERR_VENDOR.
   */
  async call(method: string, path: string, options: CallOptions = {}): Promise<ApiAnswer> {
    return this.#repeat(method, path, options, this.#readText);
  }

  async #repeat<Answer extends ApiAnswer>(
    method: string,
    path: string,
    options: CallOptions,
    read: Read<Answer>,
  ): Promise<Answer> {
    const repeatable = options.repeatable ?? method !== "POST";
    for (let attempt = 0; ; attempt++) {
      if (options.evenIfInterrupted !== true) this.#context.signal.throwIfAborted();
      const wait = BACKOFF_MS[attempt];
      let answer: Answer;
      try {
        answer = await read(await this.#once(method, path, options));
      } catch (cause) {
        this.#context.signal.throwIfAborted();
        if (!repeatable || wait === undefined) throw this.#unreachable(method, path, cause);
        await this.#context.sleep(wait);
        continue;
      }
      if ((answer.status >= 200 && answer.status < 300) || options.accept?.includes(answer.status)) return answer;
      // A 429 (or GitHub's rate-limit 403) was not executed, so any call may be repeated; a 5xx only where repeating is harmless.
      const limited = answer.status === 429 || (answer.status === 403 && isRateLimit(answer));
      if (wait !== undefined && (limited || (answer.status >= 500 && repeatable))) {
        await this.#context.sleep(Math.min(retryAfterMs(answer.headers) ?? wait, MAX_RETRY_WAIT_MS));
        continue;
      }
      throw this.#failure(method, path, answer, limited);
    }
  }

  async #once(method: string, path: string, options: CallOptions): Promise<Response> {
    const { body, form, text } = options;
    return this.#context.fetch(this.#options.baseUrl + path, {
      method,
      redirect: "error",
      headers: {
        accept: "application/json",
        "user-agent": "mcpist",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(text === undefined ? {} : { "content-type": "application/octet-stream" }),
        ...this.#options.headers,
        ...options.headers,
      },
      ...payloadOf(body, form ?? text),
      // A read may be cut short; a write that is under way is left to finish, because half a write has an unknown result.
      signal:
        method === "GET"
          ? AbortSignal.any([AbortSignal.timeout(CALL_TIMEOUT_MS), this.#context.signal])
          : AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
  }

  readonly #readText: Read<ApiAnswer> = async (response) => {
    const text = await response.text();
    return { status: response.status, json: parseJson(text), text, headers: response.headers };
  };

  readonly #readParts: Read<ApiAnswer & { readonly form: FormData | null }> = async (response) => {
    const isParts = response.ok && response.headers.get("content-type")?.startsWith("multipart/") === true;
    if (!isParts) return { ...(await this.#readText(response)), form: null };
    return {
      status: response.status,
      json: null,
      text: "",
      headers: response.headers,
      form: await response.formData(),
    };
  };

  #unreachable(method: string, path: string, cause: unknown): McpistError {
    const { vendor, baseUrl } = this.#options;
    return new McpistError("ERR_UNREACHABLE", `${vendor} did not answer ${method} ${withoutQuery(path)}`, {
      hint: `check the network and ${new URL(baseUrl).host}, then run the command again`,
      cause,
    });
  }

  #failure(method: string, path: string, answer: ApiAnswer, limited: boolean): McpistError {
    const { vendor, tokenVariable } = this.#options;
    const said = this.#context.redactor.apply(printable(messageOf(answer))).slice(0, 200);
    const what = `${vendor} answered ${answer.status} to ${method} ${withoutQuery(path)}${said ? `: ${said}` : ""}`;
    if (limited)
      return new McpistError("ERR_RATE_LIMITED", what, { hint: "wait a minute, then run the command again" });
    switch (answer.status) {
      case 401:
        return new McpistError("ERR_UNAUTHORISED", what, { hint: `${tokenVariable} is missing, wrong or expired` });
      case 403:
        return new McpistError("ERR_UNAUTHORISED", what, {
          hint: `the token in ${tokenVariable} lacks a permission; mcpist doctor lists what is needed`,
        });
      case 404:
        return new McpistError("ERR_NOT_FOUND", what, {
          hint: `either the name in mcpist.config.ts is wrong, or the token in ${tokenVariable} may not see it`,
        });
      default:
        return new McpistError("ERR_VENDOR", what);
    }
  }
}

const payloadOf = (json: unknown, raw: FormData | string | undefined): { body?: FormData | string } =>
  raw !== undefined ? { body: raw } : json === undefined ? {} : { body: JSON.stringify(json) };

const withoutQuery = (path: string): string => path.replace(/\?.*$/, "");

function parseJson(text: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

function isRateLimit(answer: ApiAnswer): boolean {
  return answer.headers.has("retry-after") || answer.headers.get("x-ratelimit-remaining") === "0";
}

function retryAfterMs(headers: Headers): number | null {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) ? Math.max(0, seconds) * 1000 : null;
}

/** The human sentence in an error body: `message`, `error`, or the first of `errors`. */
function messageOf(answer: ApiAnswer): string {
  const { json } = answer;
  if (typeof json !== "object" || json === null) return "";
  const record = json as Record<string, unknown>;
  for (const value of [record["message"], record["error"]]) if (typeof value === "string") return value;
  const [first] = Array.isArray(record["errors"]) ? (record["errors"] as unknown[]) : [];
  if (typeof first === "object" && first !== null && "message" in first && typeof first.message === "string") {
    return "code" in first ? `${first.message} (${String(first.code)})` : first.message;
  }
  return "";
}
