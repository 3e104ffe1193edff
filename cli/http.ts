/**
 * One vendor API over fetch: timeouts, retries, limits that are waited out, and errors that name vendor, call and next step.
 * Never prints a request body or a header; answers are quoted only through the redactor, shortened.
 */
import { isSafeUrl } from "../contract/safe-url.ts";
import type { Context } from "./context.ts";
import { machineFault, McpistError } from "./errors.ts";
import type { Hint } from "./hints/hint.ts";
import { HINTS } from "./hints/hints.ts";
import { causeCode, isUntrusted } from "./trust.ts";
import { askedWaitMs, isLimit } from "./vendor-limits.ts";
import { proxyAdvice } from "./proxy.ts";
import { printable } from "./redact.ts";
import { whenLong } from "./waits.ts";

/** Unit: milliseconds. */
const CALL_TIMEOUT_MS = 30_000;
const BACKOFF_MS = [250, 1000, 3000] as const;
/** One call with all its waits and retries. Less than the lease of a run, which would be over after a longer wait. */
export const PATIENCE_MS = 12 * 60_000;
/**
 * A write ends within this time, with every wait and retry: what a guard allowed is not sent later than that. An emergency that
 * takes the lock of another run waits so long before it believes what it sees. Unit: milliseconds.
 */
export const LONGEST_WRITE_MS = 2 * 60_000;
/** After a limit that names no time, and at most, where every next wait is twice as long. */
const PAUSE_MS = 1000;
const MAX_PAUSE_MS = 2 * 60_000;
/** A wait that is longer is no time that helps anybody, and none that a date can hold. Unit: milliseconds. */
const LONGEST_NAMED_MS = 366 * 86_400_000;
/** So much of a page is looked at. Unit: characters. */
const PAGE_LENGTH = 4096;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** How a vendor's API is reached. */
export interface ApiOptions {
  /** For messages: "GitHub", "Koyeb", … */
  readonly vendor: string;
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Name of the variable that holds the token, for hints. */
  readonly tokenVariable: string;
  /** What a redirect means and what to correct, for hints. It is never followed: the token stays with this host. */
  readonly moved?: { readonly message: string; readonly hint: Hint };
  /** First wait after a limit that names no time. Unit: milliseconds; default a second. */
  readonly pauseMs?: number;
  /** True for the body of a failure that comes with a status of success. */
  readonly denies?: (json: unknown) => boolean;
  /** Longest time of a call with its waits, asked at each call; see {@link CallOptions.patienceMs}. */
  readonly patience?: () => number | undefined;
}

/** What an operation takes and answers, where the vendor's description is there as types. */
export interface Described {
  readonly body: unknown;
  readonly status: number;
}

/** One call. */
export interface CallOptions<Operation extends Described = Described> {
  /** Sent as JSON. */
  readonly body?: Operation["body"];
  readonly form?: FormData;
  /** Sent as it is. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses besides 2xx that are an answer, not an error. */
  readonly accept?: readonly Operation["status"][];
  /** Sending the same bytes twice has the same effect as once. Default: true for all but POST. */
  readonly repeatable?: boolean;
  /** Made after Ctrl-C too: it gives back what a run holds. */
  readonly evenIfInterrupted?: boolean;
  /** How long the server was asked to hold its answer back; the client waits longer than that. Unit: milliseconds. */
  readonly serverMs?: number;
  /** Longest time of this call with its waits and retries; what takes longer ends as the fault that it is. Unit: milliseconds. */
  readonly patienceMs?: number;
}

/** An answer. `json` is null for an empty or unparseable body; then `text` has it. */
export interface ApiAnswer<Operation extends Described = Described> {
  readonly status: Operation["status"];
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
      throw new McpistError("ERR_CONFIG", `the base URL of ${options.vendor} is neither https nor on loopback`, {
        hint: HINTS.loopbackUrl(options.vendor),
      });
    }
    this.#options = { ...options, baseUrl: options.baseUrl.replace(/\/$/, "") };
    this.#context = context;
  }

  async get<Operation extends Described = Described>(
    path: string,
    options: CallOptions<Operation> = {},
  ): Promise<ApiAnswer<Operation>> {
    return this.call<Operation>("GET", path, options);
  }

  /** A multipart answer: its parts by name, and the name of the main one (Cloudflare's `cf-entrypoint`). @throws as {@link Api.call}. */
  async form(path: string): Promise<{ readonly form: FormData; readonly entrypoint: string }> {
    const { form, status, headers } = await this.#repeat("GET", path, {}, this.#readParts);
    if (!form)
      throw new McpistError(
        "ERR_VENDOR",
        `${this.#options.vendor} answered ${status} to GET ${withoutQuery(path)}, not the parts that were asked for`,
        { hint: HINTS.vendorFault(this.#options.vendor) },
      );
    const [first] = form.keys();
    return { form, entrypoint: headers.get("cf-entrypoint") ?? first ?? "index.js" };
  }

  /**
   * One call with retries. A limit is waited out as long as the platform asks, unless that is longer than the call's patience.
   * @throws {McpistError} ERR_UNAUTHORISED (401, 403), ERR_NOT_FOUND (404, redirects), ERR_RATE_LIMITED, ERR_UNREACHABLE,
   *   ERR_VENDOR, ERR_MACHINE.
   */
  async call<Operation extends Described = Described>(
    method: string,
    path: string,
    options: CallOptions<Operation> = {},
  ): Promise<ApiAnswer<Operation>> {
    const answer: ApiAnswer = await this.#repeat(method, path, options, this.#readText);
    // Whatever came, the caller can only compare it with what is described.
    return answer as ApiAnswer<Operation>;
  }

  /** An answer that takes long is told as a wait. Where it was asked to be held back, others say why. */
  async #repeat<Answer extends ApiAnswer>(
    method: string,
    path: string,
    options: CallOptions,
    read: Read<Answer>,
  ): Promise<Answer> {
    const work = () => this.#tries(method, path, options, read);
    if (options.serverMs !== undefined) return work();
    return whenLong(this.#context, `${this.#options.vendor}: its answer to ${method} ${withoutQuery(path)}`, work);
  }

  async #tries<Answer extends ApiAnswer>(
    method: string,
    path: string,
    options: CallOptions,
    read: Read<Answer>,
  ): Promise<Answer> {
    const repeatable = options.repeatable ?? method !== "POST";
    const usual = method === "GET" ? PATIENCE_MS : LONGEST_WRITE_MS;
    const left = countdown(this.#context, options.patienceMs ?? this.#options.patience?.() ?? usual);
    let [faults, limits] = [0, 0];
    for (;;) {
      if (options.evenIfInterrupted !== true) this.#context.signal.throwIfAborted();
      let answer: Answer;
      try {
        answer = await read(await this.#once(method, path, options, left()));
      } catch (cause) {
        this.#context.signal.throwIfAborted();
        const wait = BACKOFF_MS[faults++];
        const error = machineFault(cause) ?? this.#unreachable(method, path, cause);
        if (isUntrusted(cause) || !repeatable || wait === undefined || left() <= wait) throw error;
        await this.#context.sleep(wait);
        continue;
      }
      // What stands in front of a platform tells of a limit as a page.
      const limited = isLimit({ ...answer, said: messageOf(answer) || answer.text.slice(0, PAGE_LENGTH) });
      // A limit is never an answer: who asks whether a token may do something accepts a 403.
      if (!limited && ((answer.status >= 200 && answer.status < 300) || options.accept?.includes(answer.status))) {
        if (answer.status < 300 && this.#options.denies?.(answer.json)) throw this.#failure(method, path, answer);
        return answer;
      }
      const asked = askedWaitMs(answer.headers, this.#context.now().getTime());
      // What was limited was not carried out, so any call may be repeated; a 5xx only where repeating is harmless.
      if (limited) {
        const wait = pauseAfter(asked, limits++, this.#options.pauseMs ?? PAUSE_MS);
        if (left() <= wait) throw this.#limit(method, path, answer, asked);
        await this.#pause(wait, `${this.#options.vendor}: its rate limit`);
        continue;
      }
      const wait = BACKOFF_MS[faults++];
      if (wait !== undefined && answer.status >= 500 && repeatable && left() > (asked ?? wait)) {
        await this.#pause(asked ?? wait, `${this.#options.vendor}: it answers ${answer.status}`);
        continue;
      }
      throw this.#failure(method, path, answer);
    }
  }

  async #pause(ms: number, why: string): Promise<void> {
    const until = this.#context.monotonic() + ms;
    const left = () => Math.ceil((until - this.#context.monotonic()) / 1000);
    await this.#context.waits.during(
      () => `${why}, ${left()} s more`,
      () => this.#context.sleep(ms),
    );
  }

  async #once(method: string, path: string, options: CallOptions, leftMs: number): Promise<Response> {
    const { body, form, text } = options;
    // The machine slept, or the process was stopped: whoever allowed this call may have been overtaken since.
    if (leftMs <= 0) throw new DOMException("the time for this call is over", "TimeoutError");
    const own = CALL_TIMEOUT_MS + (options.serverMs ?? 0);
    const timeout = AbortSignal.timeout(Math.ceil(Math.min(own, leftMs)));
    return this.#context.fetch(this.#options.baseUrl + path, {
      method,
      redirect: "manual",
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
      signal: method === "GET" ? AbortSignal.any([timeout, this.#context.signal]) : timeout,
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
    const code = causeCode(cause);
    // The platforms' own certificates are of authorities that everybody knows: somebody in between opens the connection.
    if (isUntrusted(cause))
      return new McpistError(
        "ERR_MACHINE",
        `${vendor}'s certificate is of an authority that Node does not know (${code})`,
        {
          hint: HINTS.authority(this.#context.env["SSL_CERT_FILE"] ? "$SSL_CERT_FILE" : "FILE"),
          cause,
        },
      );
    const advice = proxyAdvice(this.#context.env);
    return new McpistError("ERR_UNREACHABLE", `${vendor} did not answer ${method} ${withoutQuery(path)}`, {
      hint: HINTS.network(`${new URL(baseUrl).host}${code === null ? "" : ` (${code})`}`, advice),
      cause,
    });
  }

  #said(method: string, path: string, answer: ApiAnswer): string {
    const said = this.#context.redactor.apply(printable(messageOf(answer))).slice(0, 200);
    return `${this.#options.vendor} answered ${answer.status} to ${method} ${withoutQuery(path)}${said ? `: ${said}` : ""}`;
  }

  #limit(method: string, path: string, answer: ApiAnswer, askedMs: number | null): McpistError {
    const named = askedMs !== null && askedMs < LONGEST_NAMED_MS ? askedMs : null;
    const until = new Date(this.#context.now().getTime() + (named ?? 0)).toISOString().slice(0, 19);
    return new McpistError("ERR_RATE_LIMITED", this.#said(method, path, answer), {
      hint: named === null ? HINTS.limit() : HINTS.limitUntil(this.#options.vendor, until.replace("T", " ")),
    });
  }

  #failure(method: string, path: string, answer: ApiAnswer): McpistError {
    const { vendor, tokenVariable, moved } = this.#options;
    const what = this.#said(method, path, answer);
    if (REDIRECTS.has(answer.status))
      return new McpistError("ERR_NOT_FOUND", `${what}: ${moved?.message ?? `${vendor}'s API has moved`}`, {
        hint: moved?.hint ?? HINTS.moved("update mcpist, or correct the variable that names the API's address"),
      });
    switch (answer.status) {
      case 401:
        return new McpistError("ERR_UNAUTHORISED", what, { hint: HINTS.newToken(tokenVariable) });
      case 403:
        return new McpistError("ERR_UNAUTHORISED", what, {
          hint: HINTS.permission(tokenVariable),
        });
      case 404:
        return new McpistError("ERR_NOT_FOUND", what, {
          hint: HINTS.notFound(tokenVariable),
        });
      default:
        return new McpistError("ERR_VENDOR", what, { hint: HINTS.vendorFault(vendor) });
    }
  }
}

/** A platform that asks for no wait at all, again and again, is not asked all the time. Unit: milliseconds. */
function pauseAfter(asked: number | null, limits: number, pauseMs: number): number {
  if (asked === null) return Math.min(pauseMs * 2 ** limits, MAX_PAUSE_MS);
  return limits === 0 ? asked : Math.max(asked, Math.min(PAUSE_MS * 2 ** (limits - 1), MAX_PAUSE_MS));
}

/**
 * Time left of `ms`, by whichever clock has gone further: the monotonic one stands still while a laptop sleeps.
 * Unit: milliseconds; negative when it is over.
 */
export function countdown(context: Pick<Context, "monotonic" | "now">, ms: number): () => number {
  const [monotonic, wall] = [context.monotonic(), context.now().getTime()];
  return () => ms - Math.max(context.monotonic() - monotonic, context.now().getTime() - wall);
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
