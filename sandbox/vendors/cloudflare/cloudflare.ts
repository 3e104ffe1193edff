/**
 * The Cloudflare of the sandbox: the Workers API on one listener and the public side of every Worker on another. Versions run in
 * real workerd processes. Everything is in memory and ends with the emulator.
 */
import { listen, withFaults, type VendorContext } from "../vendor.ts";
import { Account, type AccountNames } from "./account.ts";
import { API_ROOT, apiApp } from "./api/app.ts";
import { serveBinding } from "./kv.ts";
import { type Annotations, type Deployment, type Script } from "./model.ts";
import type { EdgeName } from "./runtime/edges.ts";
import { WorkerHost, type HostContext, type WorkerEvent } from "./runtime/host.ts";
import type { RunningVersion } from "./runtime/pool.ts";

export type { WorkerEvent } from "./runtime/host.ts";

/** One Worker as the emulator sees it. Never a secret. */
export interface WorkerState {
  readonly name: string;
  /** In order of upload. */
  readonly versions: readonly {
    readonly id: string;
    readonly number: number;
    readonly etag: string;
    readonly annotations: Annotations;
    readonly bindings: readonly string[];
  }[];
  /** In order of creation; the last one is active. */
  readonly deployments: readonly Deployment[];
  /** Which deployment each edge location runs now; null = none yet. */
  readonly edges: readonly { readonly edge: EdgeName; readonly deployment: Deployment | null }[];
  readonly running: readonly RunningVersion[];
}

export interface CloudflareEmulator {
  /** `http://127.0.0.1:<port>/client/v4`. */
  readonly apiUrl: string;
  readonly zoneId: string;
  /** Public side of a Worker. Answers 503 until something is deployed; stable from the first call on. */
  gatewayUrlOf(worker: string): Promise<string>;
  workers(): readonly WorkerState[];
  onEvent(listener: (event: WorkerEvent) => void): () => void;
  /** Every line that a running version prints. */
  onWorkerLine(listener: (worker: string, line: string) => void): () => void;
  /** Runs every schedule of every Worker now. @throws when a handler fails. */
  runScheduled(): Promise<void>;
  /** For tests only: the text of a secret of a version; null when there is none. */
  secretTextForTests(worker: string, versionId: string, name: string): string | null;
  close(): Promise<void>;
}

const MINUTE_MS = 60_000;

const stateOf = (script: Script, host: WorkerHost | undefined): WorkerState => ({
  name: script.name,
  versions: script.versions.map(({ id, number, code, annotations, bindings }) => ({
    id,
    number,
    etag: code.etag,
    annotations,
    bindings: bindings.map(({ name }) => name),
  })),
  deployments: script.deployments,
  edges: host?.edges() ?? [],
  running: host?.running() ?? [],
});

/** @throws when a port is taken. */
export async function startCloudflare(context: VendorContext, names: AccountNames): Promise<CloudflareEmulator> {
  const hosts = new Map<string, Promise<WorkerHost>>();
  const listening = new Map<string, WorkerHost>();
  const events = new Set<(event: WorkerEvent) => void>();
  const lines = new Set<(worker: string, line: string) => void>();
  const hostContext: HostContext = {
    vendor: context,
    kv: (request) => serveBinding(request, account.kv),
    onEvent: (event) => events.forEach((listener) => listener(event)),
    onLine: (name, line) => lines.forEach((listener) => listener(name, line)),
  };
  const host = (worker: string): Promise<WorkerHost> => {
    const known = hosts.get(worker);
    if (known) return known;
    const port = worker === names.defaultWorker ? context.port("gateway") : 0;
    const made = WorkerHost.listen(worker, port, hostContext);
    hosts.set(worker, made);
    return made.then((ready) => {
      listening.set(worker, ready);
      return ready;
    });
  };
  const account = new Account(names, host);
  account.listLagMs = () => context.timings.listLagMs;
  const api = await listen(
    withFaults("cloudflare", context, apiApp(account, context.tokens.cloudflare)),
    context.port("cloudflare"),
  );

  const runScheduled = async (): Promise<void> => {
    for (const script of account.scripts.values())
      for (const { cron } of script.schedules) await (await host(script.name)).scheduled(cron, account.now());
  };
  const clock = setInterval(() => {
    runScheduled().catch((error: unknown) =>
      context.log(`sandbox: schedule: ${error instanceof Error ? error.message : "failed"}`),
    );
  }, MINUTE_MS);
  clock.unref();

  return {
    apiUrl: `${api.url}${API_ROOT}`,
    zoneId: account.zone.id,
    gatewayUrlOf: async (worker) => (await host(worker)).url,
    workers: () => [...account.scripts.values()].map((script) => stateOf(script, listening.get(script.name))),
    onEvent: (listener) => {
      events.add(listener);
      return () => events.delete(listener);
    },
    onWorkerLine: (listener) => {
      lines.add(listener);
      return () => lines.delete(listener);
    },
    runScheduled,
    secretTextForTests: (worker, versionId, name) => account.secretTextForTests(worker, versionId, name),
    close: async () => {
      clearInterval(clock);
      await api.close();
      await Promise.all([...hosts.values()].map(async (made) => (await made).close()));
    },
  };
}
