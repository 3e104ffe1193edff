/** Plain workerd, without the emulation layer that tests use: one socket, one Worker, its Durable Object in memory. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRequire } from "node:module";

/**
 * Stands in for the Rate Limiting binding, which on the platform counts in the memory of the machine. The emulation in Miniflare
 * makes a Durable Object call instead, which would be measured as ours.
 */
const COUNTER = `
export default function () {
  const counts = new Map();
  let minute = 0;
  return {
    async limit({ key }) {
      const now = Math.floor(Date.now() / 60000);
      if (now !== minute) { minute = now; counts.clear(); }
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return { success: count <= 100000000 };
    },
  };
}
`;
/** Path of the runtime's binary. */
const { default: workerd } = createRequire(import.meta.url)("workerd") as { readonly default: string };
const text = (value: string): string => JSON.stringify(value);

/** A Worker for the benchmark. */
export interface WorkerSpec {
  readonly port: number;
  readonly script: string;
  /** Texts in the configuration. */
  readonly variables: Readonly<Record<string, string>>;
  /** Names of environment variables that become bindings: values that must not be written down. */
  readonly fromEnvironment: readonly string[];
  readonly gateway: boolean;
}

/** A command to run, and what to clean up after it. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly remove: () => Promise<void>;
}

/** Writes a configuration and says how to start it. No secret is in it. */
export async function workerdCommand({
  port,
  script,
  variables,
  fromEnvironment,
  gateway,
}: WorkerSpec): Promise<Command> {
  const folder = await mkdtemp(join(tmpdir(), "mcpist-bench-"));
  const bindings = [
    ...Object.entries(variables).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    ...fromEnvironment.map((name) => `(name = ${text(name)}, fromEnvironment = ${text(name)})`),
    ...(gateway
      ? [
          `(name = "BURST", durableObjectNamespace = "UserBurst")`,
          `(name = "RL_IP", wrapped = (moduleName = "counter", innerBindings = []))`,
          `(name = "RL_AUTH", wrapped = (moduleName = "counter", innerBindings = []))`,
        ]
      : []),
  ];
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "internet", network = (allow = ["private", "public", "local"]))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
  extensions = [(modules = [(name = "counter", internal = true, esModule = embed "counter.js")])]
);
const main :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-07-01",
  ${gateway ? `durableObjectNamespaces = [(className = "UserBurst", uniqueKey = "burst")], durableObjectStorage = (inMemory = void),` : ""}
  bindings = [${bindings.join(", ")}]
);
`;
  await Promise.all([
    writeFile(join(folder, "config.capnp"), config),
    writeFile(join(folder, "worker.js"), script),
    writeFile(join(folder, "counter.js"), COUNTER),
  ]);
  return {
    file: workerd,
    args: ["serve", join(folder, "config.capnp")],
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
