/** Work as the steps that people see. */

/** Where progress goes. A step ends with its outcome; waiting for vendors and for the drain is measured apart from own work. */
export interface Reporter {
  begin(step: string): (outcome: string) => void;
  note(text: string): void;
}

/** Runs `work` as a step that always ends, as a terminal draws until it does. @throws what `work` throws, or the signal's reason before it */
export async function reported<T>(
  report: Reporter,
  signal: AbortSignal,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const end = report.begin(name);
  try {
    const value = await work();
    end("done");
    return value;
  } catch (error) {
    end(signal.aborted ? "interrupted" : "failed");
    throw error;
  }
}
