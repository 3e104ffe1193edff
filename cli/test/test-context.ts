/** A context for tests: text is captured, the network is what the test says, time is virtual and sleeping takes none of it. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { Context } from "../context.ts";
import { Place } from "../hints/hint.ts";
import { Redactor } from "../redact.ts";
import { Waits } from "../waits.ts";

/** What a test may choose. */
export interface TestContextOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly fetch?: typeof fetch;
  /** What is typed or piped in. */
  readonly stdin?: string;
  /** True = a terminal on all three streams. */
  readonly terminal?: boolean;
  /** Width of that terminal; absent = it does not say. */
  readonly columns?: number;
  readonly signal?: AbortSignal;
  /** Sleeps really pass; for tests against running emulators. */
  readonly realTime?: boolean;
  /** Called with every wait. Unit: milliseconds. */
  readonly onSleep?: (ms: number) => void;
}

/** A context and what was written to it. */
export interface TestContext extends Context {
  readonly out: () => string;
  readonly err: () => string;
  /** Waits so far. Unit: milliseconds. */
  readonly slept: readonly number[];
}

const noNetwork: typeof fetch = () => Promise.reject(new TypeError("this test has no network"));

/** Makes one. */
export function testContext(options: TestContextOptions = {}): TestContext {
  const written = { out: "", err: "" };
  const slept: number[] = [];
  const signal = options.signal ?? new AbortController().signal;
  const screen = {
    isTTY: options.terminal === true,
    ...(options.columns === undefined ? {} : { columns: options.columns }),
  };
  const { isTTY } = screen;
  let passed = 0;
  let drawn = 0;
  const stdin = Object.assign(Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]), {
    isTTY,
  });
  return {
    stdin,
    stdout: { write: (text) => (written.out += text), ...screen },
    stderr: { write: (text) => (written.err += text), ...screen },
    env: { NO_COLOR: "1", ...options.env },
    cwd: options.cwd ?? "/nowhere",
    fetch: options.fetch ?? noNetwork,
    now: () => new Date(Date.parse("2026-11-22T12:00:00Z") + passed),
    monotonic: () => (options.realTime ? performance.now() : passed),
    sleep: async (ms) => {
      signal.throwIfAborted();
      slept.push(ms);
      options.onSleep?.(ms);
      await new Promise((resolve) => (options.realTime ? setTimeout(resolve, ms) : setImmediate(resolve)));
      if (!options.realTime) passed += ms;
      signal.throwIfAborted();
    },
    // Different at every draw and the same in every run.
    randomBytes: (count) => {
      const blocks = Array.from({ length: Math.ceil(count / 64) }, () =>
        createHash("sha512").update(`draw ${drawn++}`).digest(),
      );
      return Buffer.concat(blocks).subarray(0, count);
    },
    signal,
    redactor: new Redactor(),
    waits: new Waits(),
    place: new Place(),
    out: () => written.out,
    err: () => written.err,
    slept,
  };
}

/** Answers of a vendor in order; a function answers by request. Every one must be used: see {@link Script.rest}. */
export type ScriptedAnswer = Response | Error | ((request: Request) => Response | Promise<Response>);

/** A fetch that answers by script and keeps the requests. */
export interface Script {
  readonly fetch: typeof fetch;
  readonly requests: readonly Request[];
  /** Answers that nobody asked for; a test asserts that this is 0. */
  readonly rest: () => number;
}

export function script(...answers: readonly ScriptedAnswer[]): Script {
  const left = [...answers];
  const requests: Request[] = [];
  return {
    requests,
    rest: () => left.length,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      requests.push(request);
      const answer = left.shift();
      if (answer === undefined) throw new TypeError(`nobody expected ${request.method} ${request.url}`);
      if (answer instanceof Error) throw answer;
      return typeof answer === "function" ? answer(request) : answer;
    },
  };
}

/** A value that must never be seen, in the encodings in which it could slip out. */
export function formsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  return [
    value,
    bytes.toString("base64"),
    bytes.toString("base64url"),
    bytes.toString("hex"),
    encodeURIComponent(value),
  ];
}

/** The URL of whatever `fetch` was called with. */
export const urlOf = (input: Parameters<typeof fetch>[0]): string =>
  typeof input === "string" ? input : input instanceof URL ? input.href : input.url;
