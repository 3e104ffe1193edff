/**
 * MCP over the standard streams of a child. The child gets an environment of its own, no inherited descriptor and its own process
 * group. What it says is bounded while it is read: a line, the pace, and what it writes to standard error.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";

/** One message of a server; more would not fit into an answer either. Unit: bytes. */
export const MAX_LINE_BYTES = 2 * 1024 * 1024;
/** A child that floods its output is read at this pace: the rest waits in its pipe. Unit: bytes per {@link WINDOW_MS}. */
const MAX_WINDOW_BYTES = 4 * 1024 * 1024;
const WINDOW_MS = 100;
/** Lines that are no JSON-RPC; after that many in a row the child speaks something else. */
const MAX_STRAY_LINES = 100;
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
}

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
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #strayLines = 0;
  #windowBytes = 0;
  #windowEnds = 0;

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
      child.stdout.destroy();
      child.stderr.destroy();
      ended.resolve();
      this.onclose?.();
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

  async send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin;
    if (!stdin || !stdin.writable) throw new Error("the server is not running");
    if (stdin.write(`${JSON.stringify(message)}\n`)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    stdin.once("drain", resolve).once("close", resolve);
    await promise;
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
    this.#pace(chunk.length);
    let rest = chunk;
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      this.#line(Buffer.concat([...this.#pending, rest.subarray(0, end)]));
      this.#pending = [];
      this.#pendingBytes = 0;
      rest = rest.subarray(end + 1);
    }
    if (rest.length === 0) return;
    this.#pendingBytes += rest.length;
    if (this.#pendingBytes > MAX_LINE_BYTES) this.#fail("line too long");
    else this.#pending.push(rest);
  }

  /** Stops reading for a while when the child writes faster than anybody would want to read. */
  #pace(bytes: number): void {
    const now = performance.now();
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + WINDOW_MS;
      this.#windowBytes = 0;
    }
    this.#windowBytes += bytes;
    const stdout = this.#child?.stdout;
    if (this.#windowBytes <= MAX_WINDOW_BYTES || !stdout || stdout.isPaused()) return;
    stdout.pause();
    setTimeout(() => stdout.resume(), this.#windowEnds - now);
  }

  #line(line: Buffer): void {
    if (line.length > MAX_LINE_BYTES) {
      this.#fail("line too long");
      return;
    }
    const text = line.toString("utf8").trim();
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
