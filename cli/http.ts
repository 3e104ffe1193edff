/** One vendor API over fetch: timeouts, retries, and limits that are waited out. Never prints a request body or a header. */
import { bytesWithin, textWithin, TooLongError } from "../contract/bounded-body.ts";
import { isSafeUrl } from "../contract/safe-url.ts";
import type { ApiAnswer, ApiOptions, CallOptions, Described } from "./call.ts";
import { callName, messageOf, overLimit, page, refused, tooLong, unreachable, type Call } from "./call-errors.ts";
import type { Context } from "./context.ts";
import { machineFault, McpistError } from "./errors.ts";
import { HINTS } from "./hints/hints.ts";
import { awake, countdown, LONGEST_WRITE_MS, PATIENCE_MS, pauseAfter } from "./patience.ts";
import { isUntrusted } from "./trust.ts";
import { askedWaitMs, isLimit } from "./vendor-limits.ts";
import { whenLong } from "./waits.ts";

/** Unit: milliseconds. */
const CALL_TIMEOUT_MS = 30_000;
const BACKOFF_MS = [250, 1000, 3000] as const;
/** So much of a page is looked at. Unit: characters. */
const PAGE_LENGTH = 4096;
/** Longest answer: a page of the longest list is far below. Unit: bytes. */
const LONGEST_ANSWER = 16 * 1024 * 1024;
/** The code of a Worker: 64 MB before compression, and its source map. Unit: bytes. */
const LONGEST_PARTS = 192 * 1024 * 1024;

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
        `${this.#options.vendor} answered ${status} to ${callName("GET", path)}, not the parts that were asked for`,
        { hint: HINTS.vendorFault(this.#options.vendor) },
      );
    const [first] = form.keys();
    return { form, entrypoint: headers.get("cf-entrypoint") ?? first ?? "index.js" };
  }

  /**
   * One call with retries. A limit is waited out as long as the platform asks, unless that is longer than the call's patience.
   * @throws {McpistError} ERR_UNAUTHORISED (401, 403), ERR_REFUSED (403 that is not the token's fault), ERR_NOT_FOUND (404,
   *   redirects), ERR_RATE_LIMITED, ERR_UNREACHABLE, ERR_VENDOR, ERR_MACHINE.
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
    return whenLong(this.#context, `${this.#options.vendor}: its answer to ${callName(method, path)}`, work);
  }

  async #tries<Answer extends ApiAnswer>(
    method: string,
    path: string,
    options: CallOptions,
    read: Read<Answer>,
  ): Promise<Answer> {
    const repeatable = options.repeatable ?? method !== "POST";
    const [usual, time] = method === "GET" ? [PATIENCE_MS, awake] : [LONGEST_WRITE_MS, countdown];
    const left = time(this.#context, options.patienceMs ?? this.#options.patience?.() ?? usual);
    const call: Call = { context: this.#context, api: this.#options, name: callName(method, path) };
    let [faults, limits] = [0, 0];
    for (;;) {
      if (options.evenIfInterrupted !== true) this.#context.signal.throwIfAborted();
      let answer: Answer;
      try {
        answer = await read(await this.#once(method, path, options, left()));
      } catch (cause) {
        this.#context.signal.throwIfAborted();
        if (cause instanceof TooLongError) throw tooLong(call);
        const wait = BACKOFF_MS[faults++];
        const error = machineFault(cause) ?? unreachable(call, cause);
        if (isUntrusted(cause) || !repeatable || wait === undefined || left() <= wait) throw error;
        await this.#context.sleep(wait);
        continue;
      }
      // What stands in front of a platform tells of a limit as a page.
      const limited = isLimit({ ...answer, said: messageOf(answer) || answer.text.slice(0, PAGE_LENGTH) });
      // A limit is never an answer: who asks whether a token may do something accepts a 403.
      if (!limited && ((answer.status >= 200 && answer.status < 300) || options.accept?.includes(answer.status))) {
        if (answer.status < 300 && this.#options.denies?.(answer.json)) throw refused(call, answer);
        const strange = options.raw === true ? null : strangeness(method, answer);
        const wait = strange !== null && repeatable ? BACKOFF_MS[faults++] : undefined;
        if (wait === undefined || left() <= wait) {
          // Whoever only wants to know that a write was made does not look at its answer.
          if (strange === "a page" && method !== "GET") throw page(call, answer);
          return answer;
        }
        await this.#pause(wait, `${this.#options.vendor}: it answers with ${strange}`);
        continue;
      }
      const asked = askedWaitMs(answer.headers, this.#context.now().getTime());
      // What was limited was not carried out, so any call may be repeated; a 5xx only where repeating is harmless.
      if (limited) {
        const wait = pauseAfter(asked, limits++, this.#options.pauseMs);
        if (left() <= wait) throw overLimit(call, answer, asked);
        await this.#pause(wait, `${this.#options.vendor}: its rate limit`);
        continue;
      }
      const wait = BACKOFF_MS[faults++];
      if (wait !== undefined && answer.status >= 500 && repeatable && left() > (asked ?? wait)) {
        await this.#pause(asked ?? wait, `${this.#options.vendor}: it answers ${answer.status}`);
        continue;
      }
      throw refused(call, answer);
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
    const text = await textWithin(response, LONGEST_ANSWER);
    return { status: response.status, json: parseJson(text), text, headers: response.headers };
  };

  readonly #readParts: Read<ApiAnswer & { readonly form: FormData | null }> = async (response) => {
    const isParts = response.ok && response.headers.get("content-type")?.startsWith("multipart/") === true;
    if (!isParts) return { ...(await this.#readText(response)), form: null };
    const { status, headers } = response;
    const whole = new Response(await bytesWithin(response, LONGEST_PARTS), { headers });
    return { status, json: null, text: "", headers, form: await whole.formData() };
  };
}

/**
 * Success that no platform documents: what stands in between answers so for a moment, and cuts answers short. A write that is answered
 * with nothing was carried out; a page says nothing about it. Null = an answer.
 */
function strangeness(method: string, answer: ApiAnswer): "a page" | "nothing" | "half an answer" | null {
  if (answer.json !== null || ("form" in answer && answer.form !== null)) return null;
  if (/^\s*</.test(answer.text)) return "a page";
  if (method !== "GET" || answer.status !== 200 || answer.text === "null") return null;
  return answer.text.trim() === "" ? "nothing" : "half an answer";
}

const payloadOf = (json: unknown, raw: FormData | string | undefined): { body?: FormData | string } =>
  raw !== undefined ? { body: raw } : json === undefined ? {} : { body: JSON.stringify(json) };

function parseJson(text: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
