/**
 * Of the files that share a process (vitest.config.ts): a fake clock that one leaves behind would stop the next one for ever, as a spy on
 * the fake `setTimeout` does that is restored after the clock was.
 */
for (const timer of [setTimeout, setInterval, setImmediate, Date])
  if ("clock" in timer) throw new Error(`a file before this one left a fake ${timer.name || "timer"} behind`);
