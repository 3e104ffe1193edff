/** Refreshes at a provider on a port of loopback, 64 of them, 16 at a time, in a process of its own. Prints its largest resident memory. */
import { readFileSync } from "node:fs";
import { refresh } from "../../supabase/functions/token-broker/refresh.ts";

const AT_ONCE = 16;
const ROUNDS = 4;
const provider = {
  tokenUrl: `http://127.0.0.1:${process.argv[2]}/token`,
  clientId: "client",
  clientSecret: "secret",
};
for (let round = 0; round < ROUNDS; round++)
  await Promise.all(Array.from({ length: AT_ONCE }, () => refresh(provider, "old", fetch, () => Promise.resolve())));
const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
process.stdout.write(String(Math.round(Number(kilobytes) / 1024)));
process.exit(0);
