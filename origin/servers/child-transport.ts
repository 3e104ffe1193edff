/**
 * MCP over the standard streams of a child. The child gets an environment of its own, no inherited descriptor and its own process
 * group. What it says is bounded while it is read: a line, the pace, and what it writes to standard error.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import { ANSWER_TOO_LARGE, LineReader } from "./line-reader.ts";

/** Lines that are no JSON-RPC; after that many in a row the child speaks something else. */
const MAX_STRAY_LINES = 100;
/** What waits for a child that does not read its input; then it is ended. Unit: bytes. */
const MAX_UNREAD_BYTES = 32 * 1024 * 1024;
/** For what a child wrote before it ended. Unit: milliseconds. */
const LAST_WORDS_MS = 200;
/** Between SIGTERM and SIGKILL. Unit: milliseconds. */
const TERM_GRACE_MS = 2_000;

/** What starting a child takes. */
export interface ChildOptions {
  /** Program and arguments. */
  readonly words: readonly string[];
  /** Everything that the child finds in its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** A piece of standard error, as bytes came. */
  readonly onStderr: (text: string) => void;
  /** Called when the child has ended: what it left running in a group of its own is ended too. Absent = there is no way to tell it. */
  readonly endRest?: () => void;
}

const NOTHING = Buffer.alloc(0);

const isMessage = (value: unknown): value is JSONRPCMessage =>
  typeof value === "object" && value !== null && (value as { readonly jsonrpc?: unknown }).jsonrpc === "2.0";

/** One run of one child. */
export class ChildTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: Transport["onmessage"];
  readonly #options: ChildOptions;
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #strayLines = 0;
  #drained: Promise<void> | null = null;
  readonly #reader = new LineReader({ line: (text) => this.#line(text), tooLong: (id) => this.#tooLong(id) }, () =>
    performance.now(),
  );

  constructor(options: ChildOptions) {
    this.#options = options;
  }

  /** @throws when the program cannot be started; the message is the system's code only. */
  async start(): Promise<void> {
    if (this.#child) throw new TypeError("a transport starts once");
    const { words, env, cwd, onStderr } = this.#options;
    const [file = "", ...args] = words;
    const child = spawn(file, args, {
      cwd,
      env: { ...env },
      stdio: ["pipe", "pipe", "pipe"],
      // Its own group, so that what it started ends with it.
      detached: true,
      shell: false,
    });
    this.#child = child;
    const ended = Promise.withResolvers<void>();
    this.#ended = ended.promise;
    child.stdin.on("error", (error) => this.onerror?.(error));
    child.stdout.on("data", (chunk: Buffer) => this.#read(chunk));
    child.stderr.setEncoding("utf8").on("data", onStderr);
    // Not "close": a grandchild that keeps the pipes open must not keep the server up.
    child.once("exit", () => {
      this.#killGroup("SIGKILL");
      this.#options.endRest?.();
      void this.#lastWords(child).finally(() => {
        child.stdout.destroy();
        child.stderr.destroy();
        ended.resolve();
        this.onclose?.();
      });
    });
    const started = Promise.withResolvers<void>();
    child.once("spawn", started.resolve);
    child.once("error", (error: NodeJS.ErrnoException) => {
      ended.resolve();
      const code = error.code ?? "unknown";
      onStderr(`mcpist: the program cannot be started (${code})\n`);
      started.reject(new Error(code));
    });
    await started.promise;
  }

  /** They are in the pipe, which somebody who left the group may keep open. */
  async #lastWords({ stdout }: ChildProcess): Promise<void> {
    if (stdout && !stdout.closed) await Promise.race([once(stdout, "close"), sleep(LAST_WORDS_MS)]).catch(() => {});
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin;
    if (!stdin || !stdin.writable) throw new Error("the server is not running");
    if (stdin.writableLength > MAX_UNREAD_BYTES) {
      this.#fail("does not read its input");
      throw new Error("the server does not read its input");
    }
    if (stdin.write(`${JSON.stringify(message)}\n`)) return;
    this.#drained ??= new Promise<void>((resolve) => {
      const done = (): void => {
        this.#drained = null;
        stdin.off("drain", done).off("close", done);
        resolve();
      };
      stdin.once("drain", done).once("close", done);
    });
    await this.#drained;
  }

  /** Asks the child to end, then makes it. */
  async close(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.stdin?.end();
    this.#killGroup("SIGTERM");
    const grace = new AbortController();
    await Promise.race([this.#ended, sleep(TERM_GRACE_MS, undefined, { signal: grace.signal }).catch(() => {})]);
    grace.abort();
    this.#killGroup("SIGKILL");
    await this.#ended;
  }

  #killGroup(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The group is gone already.
    }
  }

  #fail(reason: string): void {
    this.onerror?.(new Error(reason));
    this.#killGroup("SIGKILL");
  }

  #read(chunk: Buffer): void {
    const stdout = this.#child?.stdout;
    if (!stdout) return;
    const pause = this.#reader.take(chunk);
    if (pause === 0) {
      if (stdout.isPaused()) stdout.resume();
      return;
    }
    stdout.pause();
    setTimeout(() => this.#read(NOTHING), pause).unref();
  }

  /** An answer that nobody may hold is one all the same; what cannot be told apart from anything else ends the child. */
  #tooLong(id: number | null): void {
    if (id === null) this.#fail("line too long");
    else this.onmessage?.({ jsonrpc: "2.0", id, error: { code: ANSWER_TOO_LARGE, message: "too large" } });
  }

  #line(line: string): void {
    const text = line.trim();
    if (text === "") return;
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      message = null;
    }
    if (isMessage(message)) {
      this.#strayLines = 0;
      this.onmessage?.(message);
    } else if (++this.#strayLines > MAX_STRAY_LINES) this.#fail("does not speak MCP");
  }
}
