/**
 * Watches a running sandbox and records who sends or accepts which kid, what is rolling out, sleeping or failing, and how the
 * traffic fares. It reads the parties' own answers on the well-known path (once per Worker version and per process, because a
 * process never changes its secrets) and the emulators' state; it wakes nobody and its reads are no calls to a vendor.
 */
import { get } from "node:http";
import { kidOf, parseSlot, SLOT_VARIABLES } from "../contract/gateway-secret.ts";
import type { Environment } from "../contract/config.ts";
import { OBSERVATION_PATH, VERSION_OVERRIDE_HEADER } from "../contract/headers.ts";
import { parseOriginObservation, parseWorkerObservation, type SlotReport } from "../contract/observation.ts";
import { SANDBOX_ENVIRONMENT, SANDBOX_NAMES } from "../contract/sandbox.ts";
import { rotationRef } from "../contract/secret-names.ts";
import { edgeOf } from "./cloudflare/runtime/edges.ts";
import { Latency } from "./latency.ts";
import { Recorder, type Party, type PartyState, type TimelineData } from "./recorder.ts";
import type { Sandbox } from "./start.ts";
import type { Traffic } from "./traffic.ts";

/** Between two looks at everybody. Unit: milliseconds. */
const LOOK_MS = 200;
/** Width of a bin of the traffic chart. Unit: milliseconds. */
const BIN_MS = 500;
/** An answer on the well-known path that takes longer is asked for again at the next look. Unit: milliseconds. */
const OBSERVE_TIMEOUT_MS = 1_500;
/** A recording without an end keeps this much. Unit: milliseconds. */
const KEPT_MS = 10 * 60_000;
/** A vendor's ids are shown this short. Unit: characters. */
const SHORT = 8;

export interface Timeline {
  /** Names what goes on until the next call; null = nothing any more. Once a rotation writes its journal, that decides instead. */
  step(name: string | null): void;
  /** The last `windowMs`, or everything that is kept. */
  recording(windowMs?: number): TimelineData;
  /** Looks once more and ends. May be called twice. */
  stop(): Promise<TimelineData>;
}
/** What is watched; a {@link Sandbox} is one. */
export type TimelineSource = Pick<Sandbox, "faults" | "github" | "cloudflare" | "koyeb" | "fly"> & {
  readonly urls: { readonly gateway: string };
};
export interface TimelineOptions {
  /** Whose Worker, vault and journal are shown; absent = the built-in environment. */
  readonly environment?: Pick<Environment, "github" | "cloudflare">;
  /** Without it, requests at the gateway are counted, and neither failures nor latency are known. */
  readonly traffic?: Traffic;
}

interface Bin {
  sent: number;
  failed: number;
  latency: Latency;
}
type Slots = NonNullable<PartyState["slots"]>;

/** GET of JSON from a source address of choice. @returns null when there is no such answer in time. */
function getJson(url: string, headers: Readonly<Record<string, string>>, localAddress?: string): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const request = get(
    url,
    { headers, agent: false, timeout: OBSERVE_TIMEOUT_MS, ...(localAddress === undefined ? {} : { localAddress }) },
    (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", () => resolve(null));
      response.once("end", () => {
        try {
          resolve(response.statusCode === 200 ? JSON.parse(Buffer.concat(chunks).toString()) : null);
        } catch {
          resolve(null);
        }
      });
    },
  );
  request.once("timeout", () => request.destroy());
  request.once("error", () => resolve(null));
  return promise;
}

/** An address whose requests meet this edge. */
const addressAt = (edge: string): string =>
  ["127.0.1.0", "127.0.1.1", "127.0.1.2", "127.0.1.3"].find((address) => edgeOf(address) === edge) ?? "127.0.0.1";

/** Which step of a rotation begins when the journal records this event; null = none any more; undefined = the step goes on. */
function stepAfter(event: string): string | null | undefined {
  const steps: Readonly<Record<string, string | null>> = {
    acquired: "observe",
    staging: "stage",
    initialising: "first secret",
    verified: "upload",
    uploaded: "probe",
    probed: "switch",
    switched: "drain",
    retiring: "retire",
    released: null,
  };
  return steps[event];
}

/** Starts recording. */
export function startTimeline(sandbox: TimelineSource, { environment, traffic }: TimelineOptions = {}): Timeline {
  const worker = environment?.cloudflare.worker ?? SANDBOX_NAMES.worker;
  const vaultName = environment?.github.environment ?? SANDBOX_ENVIRONMENT;
  const journalRef = rotationRef(vaultName);
  const began = performance.now();
  const now = (): number => Math.round(performance.now() - began);
  const recorder = new Recorder(new Date());
  const kids = new Map<string, string | null>();
  const slots = new Map<string, Slots>();
  const asking = new Set<string>();
  const bins = new Map<number, Bin>();
  const bin = (): Bin => {
    const at = Math.floor(now() / BIN_MS) * BIN_MS;
    const known = bins.get(at) ?? { sent: 0, failed: 0, latency: new Latency() };
    bins.set(at, known);
    return known;
  };
  const unsubscribe = traffic
    ? traffic.onAnswer(({ latencyMs, failed }) => {
        const current = bin();
        current.sent++;
        if (failed) current.failed++;
        current.latency.add(latencyMs);
      })
    : sandbox.faults.onCall((call) => {
        if (call.vendor === "gateway" && !call.path.startsWith(OBSERVATION_PATH)) bin().sent++;
      });

  /** Asks for something that never changes, at most once at a time, until it is known. */
  function learn(key: string, ask: () => Promise<boolean>): void {
    if (asking.has(key)) return;
    asking.add(key);
    void ask().finally(() => asking.delete(key));
  }

  function edges(): (readonly [Party, PartyState])[] {
    const script = sandbox.cloudflare.workers().find(({ name }) => name === worker);
    return (script?.edges ?? []).flatMap(({ edge, deployment }) => {
      const shares = deployment?.shares.filter(({ percentage }) => percentage > 0) ?? [];
      for (const { versionId } of shares) {
        if (kids.has(versionId)) continue;
        learn(versionId, async () => {
          const headers = { [VERSION_OVERRIDE_HEADER]: `${worker}="${versionId}"` };
          const seen = parseWorkerObservation(await getJson(sandbox.urls.gateway + OBSERVATION_PATH, headers, addressAt(edge)));
          // The edge routes by percentage when it does not have the version: only the version itself speaks for itself.
          if (seen?.deployment === versionId) kids.set(versionId, seen.kid);
          return true;
        });
      }
      const versionId = shares[0]?.versionId;
      if (versionId === undefined) return [];
      const number = script?.versions.find(({ id }) => id === versionId)?.number;
      const rollout = shares.map(({ versionId: id, percentage }) => `${id.slice(0, SHORT)} ${percentage} %`).join(", ");
      const kid = kids.get(versionId);
      const party: Party = { group: "Cloudflare", id: `edge-${edge}`, title: `edge ${edge}` };
      return [
        [
          party,
          {
            activity: "serving",
            rollout: number === undefined ? rollout : `version ${number} (${rollout})`,
            ...(kid === undefined ? {} : { sends: kid }),
          },
        ] as const,
      ];
    });
  }

  function instances(group: "Koyeb" | "Fly.io"): (readonly [Party, PartyState])[] {
    return (group === "Koyeb" ? sandbox.koyeb : sandbox.fly).instances().map(({ id, region, rollout, activity, url }) => {
      const key = `${id} ${rollout}`;
      if (url !== null && !slots.has(key))
        learn(key, async () => {
          const seen = parseOriginObservation(await getJson(url + OBSERVATION_PATH, {}));
          if (seen?.instanceId === id && !("legacy" in seen.kids)) slots.set(key, seen.kids);
          return true;
        });
      // A process that has ended holds nothing; a suspended one still holds what it had.
      const held = activity === "asleep" || activity === "stopped" || activity === "starting" ? undefined : slots.get(key);
      const party: Party = { group, id: `${group}-${id}`, title: `${id.slice(0, SHORT)} ${region}` };
      return [party, { activity, rollout: rollout.slice(-SHORT), ...(held ? { slots: held } : {}) }] as const;
    });
  }

  async function vault(): Promise<(readonly [Party, PartyState])[]> {
    const report = async (name: string): Promise<SlotReport> => {
      const slot = parseSlot(sandbox.github.reveal(name, vaultName));
      if (slot.kind === "secret") return kidOf(slot.bytes);
      return slot.kind === "revoked" ? `revoked:${slot.kid}` : null;
    };
    const [a, b] = await Promise.all([report(SLOT_VARIABLES.a), report(SLOT_VARIABLES.b)]);
    if (a === null && b === null) return [];
    return [
      [
        { group: "GitHub", id: "github", title: "environment secrets" },
        { activity: "holding", slots: { a, b } },
      ],
    ];
  }

  let journalled = false;
  let journalTip = sandbox.github.repository.git.refs.get(journalRef);
  /** The rotation's own journal says which step it is in. */
  function followJournal(): void {
    const { git } = sandbox.github.repository;
    const tip = git.refs.get(journalRef);
    if (tip === undefined || tip === journalTip) return;
    const entries = git.walk(tip);
    const known = entries.findIndex(({ sha }) => sha === journalTip);
    const fresh = entries.slice(0, known === -1 ? entries.length : known);
    journalTip = tip;
    for (const { message } of fresh.toReversed()) {
      const step = stepAfter(/^mcpist: (\S+)/.exec(message)?.[1] ?? "");
      if (step === undefined) continue;
      journalled = true;
      recorder.step(now(), step);
    }
  }

  async function look(): Promise<void> {
    followJournal();
    const present = [...(await vault()), ...edges(), ...instances("Koyeb"), ...instances("Fly.io")];
    recorder.observe(now(), present);
    flush(now() - BIN_MS);
    recorder.forget(now() - KEPT_MS);
  }

  /** Bins that began before `beforeMs` are complete; so are the empty ones between them. */
  let flushed = 0;
  function flush(beforeMs: number): void {
    for (; flushed <= beforeMs; flushed += BIN_MS) {
      const { sent, failed, latency } = bins.get(flushed) ?? { sent: 0, failed: 0, latency: new Latency() };
      bins.delete(flushed);
      recorder.sample({ atMs: flushed, sent, failed, p50Ms: latency.quantile(0.5), p99Ms: latency.quantile(0.99) });
    }
  }

  let looking = look();
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, LOOK_MS);
  let stopped: Promise<TimelineData> | null = null;
  const recording = (windowMs?: number): TimelineData =>
    recorder.data(Math.max(0, now() - (windowMs ?? Number.POSITIVE_INFINITY)), now(), BIN_MS);
  async function finish(): Promise<TimelineData> {
    clearInterval(timer);
    await looking.then(look);
    unsubscribe();
    return recording();
  }
  const step = (name: string | null): void => {
    if (!journalled) recorder.step(now(), name);
  };
  return { step, recording, stop: () => (stopped ??= finish()) };
}
