/** Two checks of one folder at the same time would read half of what the other one writes, so the second waits for its turn. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

const FILE = "drift.lock";
const POLL_MS = 250;
/** Longer than the moment between a look at the file and a claim. Unit: milliseconds. */
const SETTLED_MS = 50;
/** Longer than any check. Unit: milliseconds. */
const LONGEST_MS = 15 * 60_000;

const isCode = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code;

/** Whoever holds the turn and is gone left it behind; so did one with this process's own id, in a container that starts again. */
function isHeld(text: string): boolean {
  const pid = Number(text.split(" ", 1)[0]);
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return isCode(error, "EPERM");
  }
}

/** null = nobody has the turn. */
function read(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return null;
    throw error;
  }
}

/** Written before it has its name, so that nobody reads half of it. */
function claim(file: string, own: string): void {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, own);
  renameSync(draft, file);
}

/**
 * @param onWait is told once, when somebody else has the turn.
 * @returns what gives it back. @throws when nobody gives it back in {@link LONGEST_MS}.
 */
export async function takeTurn(
  folder: string,
  onWait: () => void,
  { pollMs = POLL_MS, longestMs = LONGEST_MS } = {},
): Promise<() => void> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, FILE);
  const own = `${process.pid} ${randomBytes(8).toString("hex")}`;
  const began = performance.now();
  for (let waited = false; performance.now() - began < longestMs;) {
    const holder = read(file);
    if (holder !== null && isHeld(holder)) {
      if (!waited) onWait();
      waited = true;
      await sleep(pollMs);
      continue;
    }
    claim(file, own);
    // Somebody else may have claimed it in the same moment: the last one has it, and both know after this.
    await sleep(SETTLED_MS);
    if (read(file) === own) return () => void (read(file) === own && rmSync(file, { force: true }));
  }
  throw new Error(`another check still works in ${folder}; if none does, remove ${file}`);
}
