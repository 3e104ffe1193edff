/** What each check costs by itself, in this process: microseconds per call, medians of rounds. No sockets, no SDK. */
import { randomBytes, randomUUID } from "node:crypto";
import { builtIn, createRegistry } from "../../origin/modules/registry.ts";
import { targetOf } from "../../origin/calls/call.ts";
import { readIdentity } from "../../origin/identity.ts";
import { rateLimitHeaders } from "../../origin/limits/headers.ts";
import { createSlidingLog } from "../../origin/limits/sliding-log.ts";
import { intersect, type Permissions } from "../../origin/sieve/permissions.ts";
import { createGate } from "../../origin/http/verify.ts";
import { median } from "./load.ts";

const ROUNDS = 15;
const CALLS = 20_000;

/** Microseconds per call of each stage. */
export function measureStages(): Readonly<Record<string, number>> {
  const secret = randomBytes(32).toString("hex");
  const gate = createGate(
    { GATEWAY_SECRET_A: secret, GATEWAY_SECRET_B: randomBytes(32).toString("hex") },
    { now: () => performance.now() },
  );
  if (!gate.ok) throw new Error(gate.error);
  const headers = Object.entries({
    host: "origin",
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "content-length": "300",
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "call",
    "x-gateway-secret": secret,
    "x-user-id": randomUUID(),
    "x-request-id": `0193f000-0000-7${randomUUID().slice(15)}`,
  }).flat();
  const registry = createRegistry(builtIn({ environment: "bench", upstreams: {}, httpStatusHosts: [], fetch }));
  const granted = [...registry.values()].flatMap((module) =>
    [...module.tools.keys()].map((tool) => [module.name, tool, null] as const),
  );
  const permissions: Permissions = {
    active: true,
    perMinute: 120,
    plan: "pro",
    monthExhausted: false,
    allowed: intersect(registry, granted),
  };
  const body = {
    method: "tools/call",
    params: { name: "call", arguments: { module: "time", tool: "now", params: {} } },
  };
  const refused = {
    method: "tools/call",
    params: { name: "call", arguments: { module: "time", tool: "nothing", params: {} } },
  };
  const limiter = createSlidingLog(() => performance.now());
  const users = Array.from({ length: 1_000 }, () => randomUUID());
  const admission = { admitted: true, limit: 120, remaining: 7, resetMs: 0 };
  let n = 0;
  const stages: Readonly<Record<string, () => unknown>> = {
    "secret check": () => gate.value.check(headers),
    identity: () => readIdentity(headers),
    "sieve, admitted": () => targetOf(body, permissions, "meta"),
    "sieve, refused": () => targetOf(refused, permissions, "meta"),
    "plan limit": () => limiter.admit(users[n++ % users.length] ?? "", 120),
    "limit headers": () => rateLimitHeaders(admission),
  };
  return Object.fromEntries(
    Object.entries(stages).map(([name, run]) => {
      const rounds = Array.from({ length: ROUNDS }, () => {
        const started = process.cpuUsage();
        for (let i = 0; i < CALLS; i++) run();
        const { user, system } = process.cpuUsage(started);
        return (user + system) / CALLS;
      });
      return [name, Number(median(rounds).toFixed(2))];
    }),
  );
}
