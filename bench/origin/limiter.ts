/** Memory of the limiter: 100 000 users in one window, after garbage collection. Run with --expose-gc. Prints one JSON line. */
import { randomUUID } from "node:crypto";
import { createSlidingLog } from "../../origin/limits/sliding-log.ts";

const USERS = 100_000;
const calls = Number(process.argv[2] ?? 5);
const collect = (): number => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};
const ids = Array.from({ length: USERS }, () => randomUUID());
const before = collect();
const log = createSlidingLog(() => 0);
for (let call = 0; call < calls; call++) for (const id of ids) log.admit(id, 120);
const bytes = collect() - before;
process.stdout.write(`${JSON.stringify({ users: log.users, calls, bytes, perUser: Math.round(bytes / USERS) })}\n`);
