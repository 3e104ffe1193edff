/**
 * Standard output and standard error of this process. A reader that went away, or a device that is full, ends no run half way:
 * what nobody can read is dropped.
 */

/** Code of the first fault of a stream, e.g. `EPIPE`. */
const faults = new Map<NodeJS.WriteStream, string>();

/** Keeps a fault of either stream from ending the process. */
export function tolerateLostOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.listenerCount("error") > 0) continue;
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (!faults.has(stream)) faults.set(stream, error.code ?? error.name);
    });
  }
}

/**
 * What became of the answer, once all of it was handed to the system.
 * @returns null when it was written, or when nobody wanted it any more (`mcpist … | head -1`); else the code of the fault.
 */
export async function lostAnswer(): Promise<string | null> {
  await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
  // The event of a fault follows the callback of its write.
  await new Promise((resolve) => setImmediate(resolve));
  const code = faults.get(process.stdout) ?? null;
  return code === "EPIPE" ? null : code;
}
