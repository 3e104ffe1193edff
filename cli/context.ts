/** Every side effect of the command line in one object, so that a command can be run in a test without a process. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redactor } from "./redact.ts";

/** Where text goes. `isTTY` decides colour and progress. */
export interface Writer {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** The world as a command sees it. */
export interface Context {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined };
  readonly stdout: Writer;
  readonly stderr: Writer;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly fetch: typeof fetch;
  /** Wall clock, for reports only. */
  readonly now: () => Date;
  /** Never goes back. Unit: milliseconds. */
  readonly monotonic: () => number;
  /** @throws when the run is interrupted. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly randomBytes: (count: number) => Buffer;
  /** Aborted by the first Ctrl-C: stop before the next remote call. */
  readonly signal: AbortSignal;
  readonly redactor: Redactor;
}

/** The context of a real process. */
export function realContext(): Context {
  const controller = new AbortController();
  let presses = 0;
  const interrupt = () => {
    if (++presses === 1) controller.abort();
    else process.exit(130);
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    fetch: globalThis.fetch,
    now: () => new Date(),
    monotonic: () => performance.now(),
    sleep: async (ms) => {
      await sleep(ms, undefined, { signal: controller.signal });
    },
    randomBytes,
    signal: controller.signal,
    redactor: new Redactor(),
  };
}
