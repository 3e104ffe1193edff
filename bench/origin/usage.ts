/** Lets a parent ask a measured process for its CPU time and memory over IPC. */

/** Since the start of the process. Units: microseconds, bytes. */
export interface Usage {
  readonly cpuMicros: number;
  readonly rss: number;
}

/** Answers every message of the parent with {@link Usage}, and ends with the parent. */
export function answerUsage(): void {
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMicros: user + system, rss: process.memoryUsage.rss() });
  });
  process.once("disconnect", () => process.exit(0));
}
