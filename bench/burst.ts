/**
 * The same burst against three counters in workerd: a counter in KV, the Rate Limiting binding, and the gateway's Durable Object.
 * How many of the requests that come at once are admitted. Prints; asserts nothing.
 */
import { build } from "esbuild";
import { join } from "node:path";
import { Miniflare } from "miniflare";

const ROUNDS = 7;
const BURSTS = [
  { limit: 5, requests: 100 },
  { limit: 10, requests: 200 },
  { limit: 60, requests: 200 },
] as const;
const COUNTERS = ["kv", "binding", "object"] as const;

/** The counter in KV is the usual one: read, compare, write one more. It starts at zero for each key. */
const SCRIPT = `
export { UserBurst } from ${JSON.stringify(join(import.meta.dirname, "../worker/user-burst.ts"))};
import { askBurst } from ${JSON.stringify(join(import.meta.dirname, "../worker/burst-call.ts"))};
const admit = {
  async kv(env, key, limit) {
    const count = Number((await env.KV.get(key)) ?? 0);
    if (count >= limit) return false;
    await env.KV.put(key, String(count + 1), { expirationTtl: 60 });
    return true;
  },
  binding: async (env, key, limit) => (await env["RL_" + limit].limit({ key })).success,
  object: async (env, key, limit) => (await askBurst(env.BURST.get(env.BURST.idFromName(key)), { rate: limit, lease: 1, depth: limit, waitMs: 0 })).admitted,
};
export default {
  async fetch(request, env) {
    const [, counter, limit, requests, key] = new URL(request.url).pathname.split("/");
    const all = Array.from({ length: Number(requests) }, () => admit[counter](env, key, Number(limit)));
    return Response.json((await Promise.all(all)).filter((admitted) => admitted).length);
  },
};
`;

const { outputFiles } = await build({
  stdin: { contents: SCRIPT, resolveDir: import.meta.dirname, loader: "js" },
  bundle: true,
  format: "esm",
  target: "es2024",
  external: ["cloudflare:*"],
  write: false,
});
const miniflare = new Miniflare({
  modules: true,
  script: outputFiles[0]?.text ?? "",
  compatibilityDate: "2026-07-01",
  kvNamespaces: ["KV"],
  durableObjects: { BURST: "UserBurst" },
  // The shortest period of the binding is 10 s.
  ratelimits: Object.fromEntries(
    BURSTS.map(({ limit }, i) => [
      `RL_${limit}`,
      { namespace_id: String(1 + i), simple: { limit, period: 10 as const } },
    ]),
  ),
});

try {
  const { href } = await miniflare.ready;
  const line = (text: string): void => void process.stdout.write(`${text}\n`);
  line(`Admitted of a burst that comes at once, ${ROUNDS} rounds with a fresh key each (smallest to largest):`);
  line("| limit, requests | counter in KV | Rate Limiting binding | Durable Object |");
  line("|---|---|---|---|");
  for (const { limit, requests } of BURSTS) {
    const cells: string[] = [];
    for (const counter of COUNTERS) {
      const admitted: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const started = performance.now();
        const response = await fetch(`${href}${counter}/${limit}/${requests}/${crypto.randomUUID()}`);
        const seconds = (performance.now() - started) / 1000;
        // What a limit per second owes for the time that the burst took is not held against it.
        const owed = counter === "object" ? Math.floor(limit * seconds) : 0;
        admitted.push(((await response.json()) as number) - owed);
      }
      const [least, most] = [Math.min(...admitted), Math.max(...admitted)];
      cells.push(least === most ? String(least) : `${least} to ${most}`);
    }
    line(`| ${limit}, ${requests} | ${cells.join(" | ")} |`);
  }
  line(
    "Local KV is consistent at once, so its numbers are a lower bound for the real one. The object's bound is the limit plus",
  );
  line(
    "limit x seconds that the burst took, which is subtracted above: a value at or below the limit keeps the promise.",
  );
} finally {
  await miniflare.dispose();
}
