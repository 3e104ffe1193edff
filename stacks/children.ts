/** Programs that a check starts. Their words are kept, their end is waited for, also when the check itself is asked to end. */
import { type ChildProcess, spawn } from "node:child_process";
import { buffer } from "node:stream/consumers";
import process from "node:process";

/** How a program ended. */
export interface Ended {
  readonly status: number;
  readonly stdout: string;
  /** Both streams, or why it could not be started. */
  readonly text: string;
}

/** While one is open, Ctrl-C and SIGTERM end no process that has not put away what it wrote. */
export class Children {
  readonly #running = new Set<ChildProcess>();
  #interrupted = false;
  // A terminal has told the children by itself; whoever asks this process alone has not.
  readonly #onInterrupt = (): void => void (this.#interrupted = true);
  readonly #onTerminate = (): void => {
    this.#interrupted = true;
    for (const child of this.#running) child.kill("SIGTERM");
  };

  constructor() {
    process.on("SIGINT", this.#onInterrupt);
    process.on("SIGTERM", this.#onTerminate);
  }

  /** True from the first signal on: nothing more is started. */
  get interrupted(): boolean {
    return this.#interrupted;
  }

  /** Starts a program without a shell. Never throws. */
  async run(program: string, args: readonly string[], cwd: string): Promise<Ended> {
    if (this.#interrupted) return { status: 1, stdout: "", text: "interrupted" };
    const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    this.#running.add(child);
    const ended = new Promise<{ readonly status: number; readonly failed: Error | null }>((resolve) => {
      child.once("error", (failed) => resolve({ status: 1, failed }));
      child.once("close", (code) => resolve({ status: code ?? 1, failed: null }));
    });
    try {
      const [out, err, { status, failed }] = await Promise.all([buffer(child.stdout), buffer(child.stderr), ended]);
      const stdout = out.toString("utf8");
      return {
        status,
        stdout,
        text: failed ? `${program} cannot be started: ${failed.message}` : stdout + err.toString("utf8"),
      };
    } finally {
      this.#running.delete(child);
    }
  }

  /** From here on a signal ends the process again. */
  close(): void {
    process.off("SIGINT", this.#onInterrupt);
    process.off("SIGTERM", this.#onTerminate);
  }
}
