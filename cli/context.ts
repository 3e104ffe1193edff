/** Every side effect of the command line in one object, so that a command can be run in a test without a process. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { NamedEnvironment } from "../contract/config.ts";
import type { OwnerDatabase } from "../supabase/migrate/database.ts";
import { Place } from "./hints/hint.ts";
import { invocation } from "./invocation.ts";
import { Redactor } from "./redact.ts";
import { processesOf, type Processes } from "./secrets/holder.ts";
import type { Platforms } from "./targets/types.ts";
import { interrupts } from "./signals.ts";
import { tolerateLostOutput } from "./streams.ts";
import { Waits } from "./waits.ts";

/** Where text goes. `isTTY` decides colour and progress. */
export interface Writer {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** Width of a terminal that knows it. */
  readonly columns?: number | undefined;
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
  /** For whom and for what the command waits. */
  readonly waits: Waits;
  /** Which environment and file a hint's commands name. */
  readonly place: Place;
  /** Platforms in place of those that the configuration names; absent = the real ones. */
  readonly platforms?: (named: NamedEnvironment) => Platforms;
  /** A database in place of the one at DATABASE_URL; absent = the real one. */
  readonly database?: () => Promise<OwnerDatabase>;
  /** The processes of this machine; absent = nothing can be proven of any. */
  readonly processes?: Processes;
  /** Told when the run takes the lock and when it holds it no more. */
  readonly underLock?: (held: boolean) => void;
}

/** The context of a process, and what its end has to know. */
export interface ProcessContext extends Context {
  /** It held the lock: its exit code tells what it did, whether or not somebody could read about it. */
  readonly acted: () => boolean;
}

/** Of a folder that was removed its name is left: what needs no folder works, and what does says which one is gone. */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    return process.env["PWD"] ?? "/";
  }
}

/** The context of a real process. */
export function realContext(): ProcessContext {
  let [locked, acted] = [false, false];
  const cwd = workingFolder();
  const signal = interrupts(() => locked);
  tolerateLostOutput();
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd,
    fetch: globalThis.fetch,
    now: () => new Date(),
    monotonic: () => performance.now(),
    sleep: async (ms) => {
      await sleep(ms, undefined, { signal });
    },
    randomBytes,
    signal,
    redactor: new Redactor(),
    waits: new Waits(),
    place: Object.assign(new Place(), invocation(cwd, process.env)),
    processes: processesOf(),
    underLock: (held) => {
      locked = held;
      acted ||= held;
    },
    acted: () => acted,
  };
}
