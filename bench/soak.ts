/**
 * Who makes a call wait: `node bench/soak.ts [--seconds 180] [--users 40]`. The bundled origin with the flags of its image behind the real
 * Worker in workerd, few calls on their own clocks, and beside them a process that does nothing. Each slow call is put down to what stood
 * still meanwhile. Prints; asserts nothing.
 */
import { execFileSync, fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Agent } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { configOf } from "../worker/test/config.ts";
import { startGateway, startIssuer } from "../worker/test/gateway.ts";
import { claimsAt, signToken } from "../worker/test/tokens.ts";
import { once as ask } from "./origin/load.ts";
import { call, environmentOf, FLAGS, GATEWAY_SECRET, portOf, SEEDED } from "./origin/servers.ts";
import { watch, type Gap } from "./soak/watch.ts";

const { values: options } = parseArgs({
  options: { seconds: { type: "string", default: "180" }, users: { type: "string", default: "40" } },
});
const [SECONDS, USERS] = [Number(options.seconds), Number(options.users)];
/** Of each user. Unit: milliseconds. */
const INTERVAL = 2_000;
/** Code is compiled and everybody's permissions are read once. Unit: milliseconds. */
const WARM_UP = 15_000;
const SLOW_MS = 100;
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

const gaps: Record<"machine" | "origin", Gap[]> = { machine: [], origin: [] };
const listen = (child: ChildProcess, into: Gap[]): void =>
  void child.on("message", ({ gap }: { gap?: Gap }) => gap && into.push(gap));
const WATCHED = ["--import", here("soak/watch.ts")];

const folder = mkdtempSync(join(tmpdir(), "mcpist-soak-"));
const bundle = join(folder, "origin.mjs");
execFileSync(process.execPath, [here("../origin/build.ts"), bundle]);
const database = fork(here("soak/database.ts"), [String(SEEDED + USERS)]);
const [{ url: databaseUrl }] = (await once(database, "message")) as [{ url: string }];
const origin = fork(bundle, {
  execArgv: [...FLAGS, ...WATCHED],
  env: environmentOf(databaseUrl, {}),
  stdio: ["ignore", "pipe", "inherit", "ipc"],
});
if (!origin.stdout) throw new Error("no output");
const originUrl = `http://127.0.0.1:${await portOf(origin.stdout)}`;
const idle = fork(here("soak/idle.ts"), { execArgv: WATCHED });
listen(origin, gaps.origin);
listen(idle, gaps.machine);

const issuer = await startIssuer();
const gateway = await startGateway({
  config: configOf([{ name: "bench", url: originUrl }], issuer.url),
  secret: GATEWAY_SECRET,
});
const now = Math.floor(Date.now() / 1000);
const make = call("time", "now", { users: USERS, skip: SEEDED });
/** The call of one user, as a client sends it. */
const calls = await Promise.all(
  Array.from({ length: USERS }, async (_, user) => {
    const { headers, body } = make(user);
    const { "x-user-id": sub, "x-gateway-secret": _secret, "x-request-id": _id, ...client } = headers;
    const token = await signToken(issuer.key, claimsAt(now, { sub }));
    return { headers: { ...client, authorization: `Bearer ${token}` }, body };
  }),
);

/** Whoever measures stands still as well when the machine does; its own work is none of the product's. */
watch((gap) => gaps.machine.push(gap));
/** workerd closes what is idle for five seconds; a request that it meets just then is nobody's failure. */
const agent = new Agent({ keepAlive: true, maxSockets: 200, timeout: 3_000 });
const port = Number(new URL(gateway.url).port);
const asked: { readonly at: number; readonly ms: number; readonly ok: boolean }[] = [];
const started = Date.now();
const end = started + WARM_UP + SECONDS * 1000;
await Promise.all(
  calls.map(async (made, user) => {
    const waiting: Promise<void>[] = [];
    for (let due = started + (user / USERS) * INTERVAL; due < end; due += INTERVAL) {
      await sleep(Math.max(0, due - Date.now()));
      const at = Date.now();
      const asking = ask(port, agent, made).catch(() => ({ ms: Date.now() - at, ok: false }));
      waiting.push(asking.then((run) => void asked.push({ at, ...run })));
    }
    await Promise.all(waiting);
  }),
);

const measured = asked.filter(({ at }) => at > started + WARM_UP);
const meanwhile = (at: number, ms: number) => (gap: Gap) => gap.at >= at && gap.at - gap.ms <= at + ms;
/** A process that stood still for longer than it computed was kept from its processor, as the idle one was. */
const isBusy = ({ ms, busyMs }: Gap): boolean => busyMs > ms / 2;
function causeOf({ at, ms }: { readonly at: number; readonly ms: number }): string {
  const own = gaps.origin.filter(meanwhile(at, ms));
  if (own.some((gap) => gap.kind === "gap" && isBusy(gap)))
    return own.some(({ kind }) => kind === "collection") ? "the origin collected memory" : "the origin computed";
  return own.length > 0 || gaps.machine.some(meanwhile(at, ms)) ? "the machine stood still" : "not explained";
}
const slow = measured.filter(({ ms }) => ms > SLOW_MS);
const times = measured.map(({ ms }) => ms).toSorted((a, b) => a - b);
const part = (share: number): number => Math.round(times[Math.floor(share * (times.length - 1))] ?? Number.NaN);
console.log(
  JSON.stringify({
    calls: measured.length,
    failed: measured.filter(({ ok }) => !ok).length,
    ms: { p50: part(0.5), p99: part(0.99), longest: part(1) },
    [`slowerThan${SLOW_MS}Ms`]: Object.fromEntries(
      Object.entries(Object.groupBy(slow, causeOf)).map(([cause, list]) => [cause, list?.length]),
    ),
    load: loadavg().map(Math.round),
  }),
);
agent.destroy();
for (const child of [origin, database, idle]) child.kill();
await Promise.all([gateway.close(), issuer.origin.close()]);
rmSync(folder, { recursive: true });
