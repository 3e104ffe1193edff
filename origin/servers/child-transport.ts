/**
 * MCP over the standard streams of a child. The child gets an environment of its own, no inherited descriptor and its own process
 * group. What it says is bounded while it is read: a line, the pace, and what it writes to standard error.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import { Conversation, MAX_ID } from "./conversation.ts";
import { LineReader } from "./line-reader.ts";
import { NotRunError } from "./no-answer.ts";
import { createPace } from "./pace.ts";

/** Lines that are no JSON-RPC; after that many in a row the child speaks something else. */
const MAX_STRAY_LINES = 100;
/** What waits for a child that does not read its input; while it is more, no call is added. Unit: bytes. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;
/** A child that has taken nothing of so much for this long is ended. Unit: milliseconds. */
const MAX_UNREAD_MS = 60_000;
/** Standard error that is taken at once, and per millisecond afterwards; the rest waits in the child's pipe. Unit: UTF-16 code units. */
const BURST_STDERR = 256 * 1024;
const STDERR_PER_MS = 2 * 1024;
/** For what a child wrote before it ended. Unit: milliseconds. */
const LAST_WORDS_MS = 200;
/** Between SIGTERM and SIGKILL, and from the end of a stream to that of its child. Unit: milliseconds. */
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
  /** Nothing of the child is read any more. */
  #over = false;
  /** When the child took something last. */
  #tookAt = 0;
  readonly #conversation = new Conversation(() => randomInt(1, MAX_ID));
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
    const started = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    this.#ended = ended.promise;
    const cannot = (cause: unknown): void => {
      const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
      onStderr(`mcpist: the program cannot be started (${code})\n`);
      ended.resolve();
      started.reject(new Error(code));
    };
    try {
      const child: ChildProcess = spawn(file, args, {
        cwd,
        env: { ...env },
        stdio: ["pipe", "pipe", "pipe"],
        // Its own group, so that what it started ends with it.
        detached: true,
        shell: false,
      });
      // First of all: without descriptors there are no streams, and the error comes all the same.
      child.once("error", cannot).once("spawn", started.resolve);
      this.#child = child;
      this.#listen(child, ended.resolve);
    } catch (cause) {
      cannot(cause);
    }
    await started.promise;
  }

  #listen(child: ChildProcess, ended: () => void): void {
    const { stdin, stdout, stderr } = child;
    if (!stdin || !stdout || !stderr) return;
    stdin.on("error", (error) => {
      this.onerror?.(error);
      this.#leaves();
    });
    stdout.on("data", (chunk: Buffer) => this.#read(chunk)).once("end", () => this.#leaves());
    const pace = createPace(() => performance.now(), BURST_STDERR, STDERR_PER_MS);
    stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#options.onStderr(text);
      const pause = pace(text.length);
      if (pause === 0) return;
      stderr.pause();
      setTimeout(() => stderr.resume(), pause).unref();
    });
    // Not "close": a grandchild that keeps the pipes open must not keep the server up.
    child.once("exit", () => {
      this.#killGroup("SIGKILL");
      this.#options.endRest?.();
      void this.#lastWords(child).finally(() => {
        this.#over = true;
        stdout.destroy();
        stderr.destroy();
        ended();
        this.onclose?.();
      });
    });
  }

  /** A child that closed one of its streams is of no use, and may be about to end. */
  #leaves(): void {
    setTimeout(() => this.#hasEnded() || this.#killGroup("SIGKILL"), TERM_GRACE_MS).unref();
  }

  #hasEnded(): boolean {
    return this.#child === null || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** They are in the pipe, which somebody who left the group may keep open. */
  async #lastWords({ stdout }: ChildProcess): Promise<void> {
    if (stdout && !stdout.closed) await Promise.race([once(stdout, "close"), sleep(LAST_WORDS_MS)]).catch(() => {});
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const isCall = "method" in message && message.method === "tools/call";
    const stdin = this.#child?.stdin;
    if (!stdin || !stdin.writable) throw isCall ? new NotRunError("down") : new Error("the server is not running");
    if (stdin.writableLength === 0) this.#tookAt = performance.now();
    else if (stdin.writableLength > MAX_UNREAD_BYTES) {
      if (performance.now() - this.#tookAt > MAX_UNREAD_MS) this.#fail("does not read its input");
      throw isCall ? new NotRunError("busy") : new Error("the server does not read its input");
    }
    const text = `${JSON.stringify(this.#conversation.out(message))}\n`;
    if (stdin.write(text, () => (this.#tookAt = performance.now()))) return;
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
    if (this.#hasEnded()) return;
    this.#child?.stdin?.end();
    this.#killGroup("SIGTERM");
    const grace = new AbortController();
    await Promise.race([this.#ended, sleep(TERM_GRACE_MS, undefined, { signal: grace.signal }).catch(() => {})]);
    grace.abort();
    if (!this.#hasEnded()) this.#killGroup("SIGKILL");
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
    if (!stdout || this.#over) return;
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
    else this.#tell(this.#conversation.tooLong(id));
  }

  #line(line: string): void {
    const text = line.trim();
    if (text === "") return;
    const messages = this.#conversation.in(text);
    if (messages === null) {
      if (++this.#strayLines > MAX_STRAY_LINES) this.#fail("does not speak MCP");
      return;
    }
    this.#strayLines = 0;
    for (const message of messages) this.#tell(message);
  }

  #tell(message: JSONRPCMessage | null): void {
    if (message === null) return;
    try {
      this.onmessage?.(message);
    } catch {
      // Nobody else hears of it: it would end the process, with all other servers.
      this.onerror?.(new Error("a message could not be read"));
    }
  }
}
