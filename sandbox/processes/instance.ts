/**
 * One instance of an origin: a child process that receives its environment over IPC and says on stdout where it listens.
 * Knows nothing of platforms; never writes a value of the environment to a log, an error, argv or a process table.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ABOUT_SERVERS, ServerNews } from "./server-news.ts";

/** In the package everything is compiled, and the origin bundled. */
const [ENDING, ENTRY] = import.meta.url.endsWith(".ts") ? ["ts", "main"] : ["js", "start"];
const besides = (path: string): string => fileURLToPath(new URL(`${path}.${ENDING}`, import.meta.url));
const CHILD = besides("./instance-child");
const GUARD = besides("./instance-guard");
const ORIGIN = besides(`../../origin/${ENTRY}`);
/** Lines of plain text (not JSON) that reach the operator's log, per instance. */
const PLAIN_LINES = 5;
/** Environment values shorter than this are not hidden in log lines: they are names and numbers. Unit: characters. */
const HIDE_FROM_LENGTH = 12;
/** A program that never listens is given up; a loaded laptop may need a while for the embedded database. Unit: milliseconds. */
const START_TIMEOUT_MS = 60_000;
/** Between the polite signal and SIGKILL. Unit: milliseconds. */
const STOP_GRACE_MS = 5_000;

/** What a process is doing. `suspended` keeps its memory and answers nothing. */
export type InstanceState = "listening" | "suspended" | "stopping" | "exited";

/** How to start an instance. */
export interface InstanceOptions {
  /** The platform's id of this instance; appears in log lines. */
  readonly id: string;
  /** One line for the operator. */
  readonly log: (line: string) => void;
  /** Absolute path of the program; absent = the origin. */
  readonly program?: string | undefined;
  /** Ends a start that is no longer wanted. */
  readonly signal?: AbortSignal | undefined;
}

/** A running instance. */
export interface Instance {
  readonly id: string;
  readonly pid: number;
  readonly port: number;
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly state: InstanceState;
  /** Settles once, when the process is gone; never rejects. `code` is null when a signal ended it. */
  readonly exited: Promise<{ readonly code: number | null }>;
  /** Polite signal, then SIGKILL after the grace; resolves when the process is gone. A suspended instance is killed at once. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: the memory, and with it the environment, stays as it is. */
  suspend(): void;
  /** SIGCONT. */
  resume(): void;
  /** True when `GET path` answers 2xx within the timeout. */
  healthy(path: string, timeoutMs: number): Promise<boolean>;
}

/** The process ended, or never listened. The message is the program's own last sentence. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** Removes every longer value of the environment from a line: a net under programs that should never print one. */
function hide(line: string, environment: Readonly<Record<string, string>>): string {
  let text = line;
  for (const value of Object.values(environment))
    if (value.length >= HIDE_FROM_LENGTH) text = text.replaceAll(value, "[hidden]");
  return text;
}

function parseLine(line: string): Readonly<Record<string, unknown>> | null {
  if (!line.startsWith("{")) return null;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** Reads a program's output: the port where it listens, and its last sentence in case it fails. */
class Output {
  readonly listening = Promise.withResolvers<number>();
  readonly #servers = new ServerNews();
  #isListening = false;
  #plain = 0;
  #firstError: string | undefined;
  #sentence: string | undefined;
  #lastMessage: string | undefined;

  constructor(child: ChildProcess, environment: Readonly<Record<string, string>>, options: InstanceOptions) {
    const read = (stream: NodeJS.ReadableStream | null, isError: boolean): void => {
      if (!stream) return;
      createInterface({ input: stream }).on("line", (line) => {
        // Once it listens, its structured log is nobody's business here, but for what it says of somebody's own servers.
        const entry = this.#isListening && line.startsWith("{") && !ABOUT_SERVERS.test(line) ? {} : parseLine(line);
        if (entry) {
          for (const text of this.#servers.lines(entry))
            options.log(`instance ${options.id}: ${hide(text, environment)}`);
          return this.#structured(entry, environment);
        }
        if (line.trim() === "") return;
        const text = hide(line, environment);
        if (isError) this.#firstError ??= text;
        // An uncaught error prints its place in the source first and its sentence later.
        if (isError && /^[\w ]*(error|origin)\b.*: /i.test(text)) this.#sentence ??= text;
        if (this.#plain++ < PLAIN_LINES) options.log(`instance ${options.id}: ${text}`);
      });
    };
    read(child.stdout, false);
    read(child.stderr, true);
  }

  #structured(
    { event, port, msg }: Readonly<Record<string, unknown>>,
    environment: Readonly<Record<string, string>>,
  ): void {
    if (typeof msg === "string") this.#lastMessage = hide(msg, environment);
    if (event !== "listening" || typeof port !== "number") return;
    this.#isListening = true;
    this.listening.resolve(port);
  }

  /** What the program said about itself: its sentence on stderr, else the last message of its structured log. */
  complaint(otherwise: string): string {
    return this.#sentence ?? this.#firstError ?? this.#lastMessage ?? otherwise;
  }
}

/**
 * Starts an instance and waits until it listens. `PORT=0` and a loopback `HOST` are added to the environment.
 * @throws {StartError} when the program ends or stays silent.
 */
export async function startInstance(
  environment: Readonly<Record<string, string>>,
  options: InstanceOptions,
): Promise<Instance> {
  options.signal?.throwIfAborted();
  const child = spawn(process.execPath, [CHILD, options.program ?? ORIGIN], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { PATH: process.env["PATH"] ?? "", HOME: tmpdir(), NODE_ENV: "production" },
    // Ctrl-C in a terminal reaches the whole process group; instances end in order, by their platform.
    detached: true,
  });
  child.on("error", () => {
    // Told by `exited` when there is no process; a signal that comes too late is no error.
  });
  const output = new Output(child, environment, options);
  const exited = once(child, "close").then(([code]) => ({ code: code as number | null }));
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  child.send({ ...environment, HOST: "127.0.0.1", PORT: "0" }, () => {
    // A child that ended before it could read says so by its exit.
  });
  const timeout = AbortSignal.timeout(START_TIMEOUT_MS);
  const stopped = AbortSignal.any([timeout, ...(options.signal ? [options.signal] : [])]);
  const given = Promise.withResolvers<never>();
  const giveUp = (): void => given.reject(stopped.reason);
  stopped.addEventListener("abort", giveUp, { once: true });
  try {
    const port = await Promise.race([
      output.listening.promise,
      given.promise,
      exited.then(({ code }) => {
        throw new StartError(output.complaint(`the program ended with code ${code} and said nothing`));
      }),
    ]);
    return running(child, port, exited, kill, options);
  } catch (error) {
    await kill();
    if (error === timeout.reason) throw new StartError(output.complaint("the program did not say where it listens"));
    throw error;
  } finally {
    stopped.removeEventListener("abort", giveUp);
  }
}

let guard: ChildProcess | null = null;

/** Tells the guard which process is suspended; the guard ends with this process, and outlives it only to clean up. */
function tellGuard(pid: number, suspended: boolean): void {
  if (!guard?.connected) {
    if (!suspended) return;
    guard = spawn(process.execPath, [GUARD], { stdio: ["ignore", "ignore", "ignore", "ipc"], env: {}, detached: true });
    guard.unref();
    guard.channel?.unref();
  }
  guard.send({ pid, suspended }, () => {
    // A guard that is gone is started again with the next suspension.
  });
}

function running(
  child: ChildProcess,
  port: number,
  exited: Promise<{ readonly code: number | null }>,
  kill: () => Promise<void>,
  options: InstanceOptions,
): Instance {
  let state: InstanceState = "listening";
  const pid = child.pid ?? 0;
  child.once("exit", () => {
    tellGuard(pid, false);
    state = "exited";
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    id: options.id,
    pid,
    port,
    url,
    exited,
    kill,
    get state() {
      return state;
    },
    async stop(signal = "SIGTERM", graceMs = STOP_GRACE_MS) {
      if (state === "exited") return;
      // A second signal would end a program that handles the first one properly.
      if (state === "stopping") return void (await exited);
      // A stopped process cannot handle a signal before it continues, and continuing would let the old memory answer again.
      if (state === "suspended") return kill();
      state = "stopping";
      child.kill(signal);
      const late = setTimeout(() => child.kill("SIGKILL"), graceMs);
      await exited;
      clearTimeout(late);
    },
    suspend() {
      if (state !== "listening") return;
      tellGuard(pid, true);
      child.kill("SIGSTOP");
      state = "suspended";
    },
    resume() {
      if (state !== "suspended") return;
      child.kill("SIGCONT");
      tellGuard(pid, false);
      state = "listening";
    },
    async healthy(path, timeoutMs) {
      return state === "listening" && isHealthy(url + path, timeoutMs);
    },
  };
}

/** A connection of its own per question: an idle one would hold up the program when it ends. */
export function isHealthy(url: string, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const asked = get(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
    response.resume();
    const { statusCode = 0 } = response;
    resolve(statusCode >= 200 && statusCode < 300);
  });
  asked.once("error", () => resolve(false));
  return promise;
}
