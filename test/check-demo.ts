/** Reads what `mcpist demo --json` printed and fails unless it shows what the demo promises. */
import { text } from "node:stream/consumers";

interface Demo {
  readonly ok: boolean;
  readonly verdict: string;
  readonly traffic: {
    readonly sent: number;
    readonly failed: number;
    readonly slow: number;
    readonly ratePerSecond: number;
    readonly lowestRatePerSecond: number;
  };
  readonly proof: Readonly<Record<"oldSecret" | "newSecret" | "noSecret", Readonly<Record<string, number>>>>;
}
const demo = JSON.parse(await text(process.stdin)) as Demo;
const { traffic, proof } = demo;
const all = (statuses: Readonly<Record<string, number>>, wanted: number) =>
  Object.keys(statuses).length === 2 && Object.values(statuses).every((status) => status === wanted);
/** A busy machine proves the rotation all the same; how much traffic it bore is its own affair. */
const tooSlow = demo.verdict === "slow" || traffic.lowestRatePerSecond < traffic.ratePerSecond;
const checks: readonly (readonly [string, boolean])[] = [
  ["ok", demo.ok],
  [`no request of ${traffic.sent} failed, but ${traffic.slow} on a slow machine`, traffic.failed === traffic.slow],
  [
    tooSlow ? "this machine is too slow for thousands of requests" : "thousands of requests were sent",
    tooSlow || traffic.sent >= 2000,
  ],
  ["the old secret is refused by both origins", all(proof.oldSecret, 403)],
  ["the new secret is accepted by both origins", all(proof.newSecret, 200)],
  ["no secret is refused by both origins", all(proof.noSecret, 403)],
];
for (const [what, good] of checks) process.stdout.write(`${good ? "ok  " : "FAIL"} ${what}\n`);
process.exitCode = checks.every(([, good]) => good) ? 0 : 1;
