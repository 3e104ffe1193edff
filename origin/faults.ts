/** An unexpected error as it may be logged: its class, its code and where in our code it came from. Never its message: libraries quote. */

const MAX_FRAMES = 8;
const PLAIN = /^[A-Za-z0-9_]{1,60}$/;

/** What is left of an error. */
export interface Fault {
  readonly error: string;
  readonly code?: string;
  readonly frames: readonly string[];
}

/** Takes the error apart; works for anything that was thrown. */
export function faultOf(thrown: unknown): Fault {
  if (!(thrown instanceof Error)) return { error: "unknown", frames: [] };
  const code =
    "code" in thrown && typeof thrown.code === "string" && PLAIN.test(thrown.code) ? { code: thrown.code } : {};
  // A message may have lines of its own: only what looks like a call site is kept, and only from the end of the message on.
  const stack = thrown.stack ?? "";
  const sites = stack.startsWith(`${thrown.name}: ${thrown.message}`)
    ? stack.slice(thrown.name.length + 2 + thrown.message.length)
    : "";
  const frames = sites
    .split("\n")
    .filter((site) => /^ {4}at [^\n]{1,300}$/.test(site))
    .slice(0, MAX_FRAMES)
    .map((site) => site.trim());
  return { error: PLAIN.test(thrown.name) ? thrown.name : "unknown", ...code, frames };
}
