/**
 * In-memory platforms with the transitions of the protocol model, a virtual clock and a hook before and after every remote
 * call. After every change the safety invariants S1 and S2 are checked; the first violation is kept with the call's name.
 */
import { markList } from "../../contract/marks.ts";
import { createHash } from "node:crypto";
import { parseSlot, kidOf, type SlotName } from "../../contract/gateway-secret.ts";
import { type ProbeReport } from "../../contract/observation.ts";
import { acceptedKids, type KidsReport } from "../../contract/slots.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { Place } from "../hints/hint.ts";
import { Redactor } from "../redact.ts";
import { Waits } from "../waits.ts";
import type {
  Annotation,
  BoundVersion,
  Deployment,
  GitStore,
  OriginLook,
  OriginTarget,
  Share,
  SlotValues,
  Targets,
  Vault,
  VaultSlots,
  WorkerLook,
  SecretsLook,
  WorkerTarget,
  WorkerVersion,
} from "../targets/types.ts";

/** The run that makes this call no longer exists. */
export class Killed extends Error {}

/** What happens at one remote call. */
export type FaultKind = "kill-before" | "kill-after" | "lost" | "error";

interface Kids {
  a: string | null;
  b: string | null;
}
interface FakeInstance {
  id: string;
  rollout: string;
  newest: boolean;
  awake: boolean;
  kids: Kids | { legacy: string };
  lastAccepted: Record<string, number>;
  /** Virtual time of the last acceptance from inside and outside the gateway's platform, by kid. */
  peers?: Record<string, { inside?: number; outside?: number; outsideCount: number }>;
  /** Virtual time at which it stops; null = serves on. */
  diesAt: number | null;
  /** Marks of the other secrets that it booted with. */
  marks?: Record<string, string>;
  /** Virtual time at which it serves again; absent = it serves. */
  backAt?: number;
}
export interface FakeOriginState {
  name: string;
  kind: "koyeb" | "fly";
  state: "pool" | "joining" | "quarantined";
  config: Kids;
  legacy: string | null;
  /** The configuration was written after the newest rollout booted. */
  configChanged: boolean;
  instances: FakeInstance[];
  /** Instances that the platform keeps running. */
  size: number;
  /** False: there is an app that can hold secrets, and nothing that runs in it yet. */
  service: boolean;
  rollouts: number;
  /** Set: its API answers with an error. */
  down: boolean;
  /** The other secrets by name: mark and stamp. Absent = not looked at. */
  secrets?: Record<string, { mark: string; stamp: string }>;
  /** Instances of a joining origin that do not answer. */
  silent?: readonly string[];
  /** Other secrets without which nothing starts there. */
  needs?: readonly string[];
}
interface FakeVersion extends WorkerVersion {
  readonly kid: string | null;
  readonly etag: string;
  /** `MCPIST_CONFIG`; absent = the states of the origins as mcpist.config.ts has them now. */
  readonly config?: string;
  /** Values of the secrets of one's own and of their marks. */
  readonly bound?: Readonly<Record<string, string>>;
}

/** What the Worker is told; only names and states matter here. */
const configText = (origins: readonly { readonly name: string; readonly state: string }[]): string =>
  JSON.stringify({
    environment: "production",
    resource: "https://mcp.example.com/mcp",
    issuer: "https://issuer.example.com",
    jwksUrl: "https://issuer.example.com/jwks.json",
    origins: origins.map(({ name, state }) => ({ name, url: `https://${name}.example.com`, state })),
    allowedOrigins: [],
    limits: { perIpPerMinute: 1000, failedAuthPerMinute: 60, burstPerSecond: 5 },
    auth: { maxLifetimeSeconds: 86_400, allowAnonymous: false, requireAal2: false, clientIds: [] },
    sharedDatabase: true,
    showOrigin: false,
    worker: "worker",
    securityContact: null,
  });

const EMPTY_SLOT = null;
const ROLLOUT_MS = 3000;
const LAG_MS = 2500;
/** A Machine that is alone at its origin boots for a time between these two. */
const BOOT_MS = [600, 2600] as const;

/** Numbers that a seed decides, the same every time. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Operations of WebCrypto that have not ended: they run in threads, and no virtual time may pass while somebody waits for one. */
const webCrypto = { underWay: 0 };
for (const name of ["importKey", "sign", "digest"] as const) {
  const original = crypto.subtle[name].bind(crypto.subtle) as (...args: readonly unknown[]) => Promise<unknown>;
  const counted = async (...args: readonly unknown[]): Promise<unknown> => {
    webCrypto.underWay++;
    try {
      return await original(...args);
    } finally {
      webCrypto.underWay--;
    }
  };
  Object.defineProperty(crypto.subtle, name, { value: counted, configurable: true, writable: true });
}

export class FakeCloud {
  now = 1_000_000;
  /** Remote calls made so far by all runs. */
  calls = 0;
  readonly log: string[] = [];
  /** First broken invariant. */
  violation: string | null = null;
  /** False during an emergency that gives up S1 on purpose. */
  checksS1 = true;
  /** Origins that have been away as a whole at the same time. */
  mostAway = 0;
  /** False where GitHub never held the secret. */
  checksS2 = true;
  /** A platform that resumes memory images instead of booting sleeping Machines anew: what a mere restart does. */
  restartsOnly = false;
  /** Redeploys of this origin report success and change nothing. */
  hollowWhen: (origin: string) => boolean = () => false;
  /** Rollouts are called done while old instances still serve. */
  impatientRollouts = false;
  /** Asking does not wake sleeping instances and does not show them. */
  sleepersAreInvisible = false;
  origins: FakeOriginState[] = [];
  /** GitHub's dates of the secrets of one's own. */
  others: Readonly<Record<string, string>> = {};
  /** Newest first. */
  versions: FakeVersion[] = [];
  /** Newest first. */
  deployments: Deployment[] = [];
  /** Code of the newest deploy of anybody but mcpist: what has to be live in the end. */
  code = "code-0";
  /** Secrets of one's own that the newest deploy of anybody but mcpist brought: these have to be live in the end. */
  bound: Readonly<Record<string, string>> = {};
  /** How long edge locations go on with what was deployed before. Unit: milliseconds. */
  lagMs = LAG_MS;
  /** Is there traffic at this moment? Whether an old version may send is another question. */
  busy: (now: number) => boolean = () => true;
  /** Others than the gateway who use a secret, from outside its platform or from inside. */
  strangers: { readonly kid: string; readonly peer: "inside" | "outside" }[] = [];
  /** How many uploads a list of versions shows; all are known by id. */
  listed = 100;
  /** Versions that some edge location may still run, with the time at which the last one stops. */
  lagging: { versionId: string; until: number }[] = [];
  vault: Record<SlotName, { kid: string | null; updatedAt: number | null }> = {
    a: { kid: null, updatedAt: null },
    b: { kid: null, updatedAt: null },
  };
  live: string | null = null;
  /** What a workflow job of the environment is given, where it was written here. */
  readonly given: Partial<Record<SlotName, string>> = {};
  workerExists = true;
  readonly commits = new Map<string, { message: string; parents: readonly string[]; date: string }>();
  ref: string | null = null;
  workflowRuns: Record<string, "over" | "alive"> = {};
  /** Called before each remote call with its number and name. */
  fault: (call: number, name: string) => FaultKind | null = () => null;
  /** What a call has to wait for before it has any effect: it was allowed, and is under way. */
  pause: ((run: { dead: boolean }, name: string) => Promise<void> | null) | null = null;
  /** Called after each change and each virtual sleep: foreign events happen here. */
  event: (() => void) | null = null;
  readonly random: () => number;
  #serial = 0;
  readonly #routes = new Map<string, Readonly<Record<string, string>>>();

  constructor(
    options: {
      origins?: readonly {
        name: string;
        kind: "koyeb" | "fly";
        instances?: number;
        asleep?: number;
        state?: "pool" | "joining";
      }[];
      seed?: number;
    } = {},
  ) {
    this.random = seededRandom(options.seed ?? 1);
    const origins = options.origins ?? [
      { name: "koyeb", kind: "koyeb" as const, instances: 2 },
      { name: "fly", kind: "fly" as const, instances: 2, asleep: 1 },
    ];
    this.origins = origins.map(({ name, kind, instances = 1, asleep = 0, state = "pool" }) => ({
      name,
      kind,
      state,
      size: instances,
      service: true,
      config: { a: EMPTY_SLOT, b: EMPTY_SLOT },
      legacy: null,
      configChanged: false,
      down: false,
      rollouts: 0,
      instances: Array.from({ length: instances }, (_, i) => ({
        id: `${name}-${i}`,
        rollout: "r0",
        newest: true,
        awake: i >= asleep,
        kids: { a: EMPTY_SLOT, b: EMPTY_SLOT },
        lastAccepted: {},
        diesAt: null,
      })),
    }));
  }

  /** An installation that is steady on `kid` in slot A. */
  steady(kid: string): this {
    const zero = "revoked:0000000000000000";
    for (const origin of this.origins.filter((candidate) => candidate.state === "pool")) {
      origin.config = { a: kid, b: zero };
      for (const instance of origin.instances) instance.kids = { a: kid, b: zero };
    }
    this.versions = [{ ...this.#version(kid, { kid, from: null, run: "r-0" }), config: configText(this.origins) }];
    this.deployment = [{ versionId: this.versions[0]?.id ?? "", percentage: 100 }];
    this.code = this.versions[0]?.etag ?? "";
    this.vault = { a: { kid, updatedAt: this.now }, b: { kid: zero, updatedAt: this.now } };
    return this;
  }

  /** A journal that knows what GitHub holds, as every installation has after its first secret. */
  withJournal(): this {
    const { a, b } = this.vault;
    const date = new Date(this.now).toISOString();
    const state = {
      vault: { a: a.kid, b: b.kid, ackAt: date },
      dead: [],
      retired: null,
      proven: true,
      abandoned: [],
      candidate: null,
      init: "done",
      live: null,
    };
    const entry = {
      schema: 1,
      run: "r-0",
      nonce: "0",
      actor: "tester",
      workflow: "local",
      tool: "0",
      event: "released",
      leaseSeconds: 0,
      detail: {},
      state,
    };
    this.commits.set("c0", { message: `mcpist: released\n\n${JSON.stringify(entry)}`, parents: [], date });
    this.ref = "c0";
    return this;
  }

  /** One remote call: fault before, effect, invariants, fault after. */
  async remote<T>(run: { dead: boolean }, name: string, effect: () => T | Promise<T>): Promise<T> {
    await Promise.resolve();
    if (run.dead) throw new Killed();
    await this.pause?.(run, name);
    const call = ++this.calls;
    this.log.push(name);
    const fault = this.fault(call, name);
    if (fault === "kill-before") {
      run.dead = true;
      throw new Killed();
    }
    if (fault === "error") throw new McpistError("ERR_UNREACHABLE", `fake: ${name} failed`);
    this.#tick(5);
    const value = await effect();
    this.check(name);
    if (fault === "kill-after") {
      run.dead = true;
      throw new Killed();
    }
    if (fault === "lost") throw new McpistError("ERR_UNREACHABLE", `fake: the reply to ${name} was lost`);
    return value;
  }

  /** Virtual time passes: traffic flows, rollouts and propagation finish. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 250) this.#tick(Math.min(250, left));
  }

  #tick(ms: number): void {
    this.now += ms;
    const { now } = this;
    if (this.lagging.some(({ until }) => until <= now)) this.lagging = this.lagging.filter(({ until }) => until > now);
    for (const origin of this.origins)
      if (origin.instances.some(({ diesAt }) => diesAt !== null && diesAt <= now))
        origin.instances = origin.instances.filter(({ diesAt }) => diesAt === null || diesAt > now);
    this.#traffic();
    this.event?.();
    this.check("time");
  }

  /** Every version that may send does send, to every awake instance. */
  #traffic(): void {
    if (!this.busy(this.now)) return;
    for (const { kid, pool } of this.#senders())
      for (const origin of pool) for (const instance of origin.instances) this.#serve(instance, kid, "inside");
    for (const { kid, peer } of this.strangers)
      for (const origin of this.origins) for (const instance of origin.instances) this.#serve(instance, kid, peer);
  }

  #serve(instance: FakeInstance, kid: string, peer: "inside" | "outside"): void {
    if (!instance.awake || (instance.backAt ?? 0) > this.now || !accepts(instance.kids, kid)) return;
    instance.lastAccepted[kid] = this.now;
    const by = ((instance.peers ??= {})[kid] ??= { outsideCount: 0 });
    by[peer] = this.now;
    if (peer === "outside") by.outsideCount++;
  }

  /** An instance is replaced by one that has the same slots and remembers nothing. */
  replaceInstance(origin: FakeOriginState): void {
    origin.rollouts++;
    origin.instances = origin.instances.map((instance, i) =>
      i === 0 ? { ...this.#fresh(origin, `${instance.id}+`, true), kids: { ...instance.kids } } : instance,
    );
  }

  /** Versions that some edge location may run, with the origins that they route to. */
  #senders(): { readonly kid: string; readonly pool: readonly FakeOriginState[] }[] {
    const found: { readonly kid: string; readonly pool: readonly FakeOriginState[] }[] = [];
    const add = (id: string): void => {
      const version = this.versions.find((candidate) => candidate.id === id);
      if (!version || version.kid === null) return;
      const states = this.routes(version);
      found.push({ kid: version.kid, pool: this.origins.filter((origin) => states[origin.name] === "pool") });
    };
    for (const share of this.deployment) if (share.percentage > 0) add(share.versionId);
    for (const { versionId } of this.lagging) add(versionId);
    return found;
  }

  /** State of each origin that a version knows, by name. */
  routes({ config }: FakeVersion): Readonly<Record<string, string>> {
    if (config === undefined) return Object.fromEntries(this.origins.map(({ name, state }) => [name, state]));
    const known = this.#routes.get(config);
    if (known) return known;
    const { origins } = JSON.parse(config) as { origins: { name: string; state: string }[] };
    const routes = Object.fromEntries(origins.map(({ name, state }) => [name, state]));
    this.#routes.set(config, routes);
    return routes;
  }

  /** Kids that some edge location may send. */
  sendable(): string[] {
    return [...new Set(this.#senders().map(({ kid }) => kid))];
  }

  /** The gateway asks two origins for a request, in the order of the pool. */
  #checkServing(after: string): void {
    const pool = this.origins.filter(({ state }) => state === "pool");
    const serves = pool.map(({ instances }) => instances.some(({ backAt = 0 }) => backAt <= this.now));
    const away = serves.filter((is) => !is).length;
    this.mostAway = Math.max(this.mostAway, away);
    if (pool.length < 2 || serves.every((is, i) => is || (serves[i - 1] !== false && serves[i + 1] !== false))) return;
    this.violation = `serving after ${after}: ${pool.map(({ name }, i) => (serves[i] ? "" : name)).join(" ")} are away`;
  }

  check(after: string): void {
    if (this.violation || !this.checksS1) return;
    this.#checkServing(after);
    for (const { kid, pool } of this.#senders()) {
      for (const origin of pool)
        for (const instance of origin.instances)
          if (instance.awake && !accepts(instance.kids, kid)) {
            this.violation = `S1 after ${after}: ${instance.id} refuses ${kid}`;
            return;
          }
      if (this.checksS2 && this.vault.a.kid !== kid && this.vault.b.kid !== kid) {
        this.violation = `S2 after ${after}: a restore from GitHub would refuse ${kid}`;
        return;
      }
    }
  }

  /** R: null when only the Worker's secret is accepted anywhere. */
  residue(): string | null {
    const share = this.deployment.find((candidate) => candidate.percentage > 0);
    const live = this.versions.find((version) => version.id === share?.versionId)?.kid ?? null;
    if (live === null) return "the Worker has no secret";
    const only = (kids: Kids | { legacy: string }) => acceptedKids(kids).join() === live;
    for (const origin of this.origins.filter((candidate) => candidate.state !== "quarantined")) {
      if (!only(origin.config)) return `${origin.name} configuration accepts ${acceptedKids(origin.config).join("+")}`;
      for (const instance of origin.instances)
        if (!only(instance.kids)) return `${instance.id} accepts ${acceptedKids(instance.kids).join("+")}`;
    }
    const held = acceptedKids({ a: this.vault.a.kid, b: this.vault.b.kid });
    return held.join() === live ? null : `GitHub holds ${held.join("+")}`;
  }

  /** Shares of the newest deployment. */
  get deployment(): readonly { readonly versionId: string; readonly percentage: number }[] {
    return this.deployments[0]?.shares ?? [];
  }
  set deployment(shares: readonly { readonly versionId: string; readonly percentage: number }[]) {
    this.deployments = [{ id: `d${++this.#serial}`, shares, message: "" }];
  }

  /** Id of the version with the larger share. */
  get liveId(): string {
    return [...this.deployment].sort((a, b) => b.percentage - a.percentage)[0]?.versionId ?? "";
  }

  /** Others go on until they wait as well. */
  async #back(run: { dead: boolean }, { instances }: FakeOriginState): Promise<void> {
    while (instances.some(({ backAt = 0 }) => backAt > this.now)) {
      await this.context(run).sleep(250);
    }
  }

  /** Null when the code that is live is that of the newest deploy of anybody but mcpist. */
  wrongCode(): string | null {
    const etag = this.versions.find(({ id }) => id === this.liveId)?.etag ?? "none";
    return etag === this.code ? null : `${etag} is live instead of ${this.code}`;
  }

  /** Null when the secrets of one's own that are live are those of the newest deploy of anybody but mcpist. */
  wrongSecrets(): string | null {
    const { bound = {} } = this.versions.find(({ id }) => id === this.liveId) ?? {};
    const [live, due] = [bound, this.bound].map((secrets) => JSON.stringify(secrets));
    return live === due ? null : `${live} is live instead of ${due}`;
  }

  /**
   * Somebody writes a secret of one's own with `wrangler versions secret put`, which makes a version of the latest upload, or with a
   * tool that makes it of what is deployed. @returns its id.
   */
  foreignSecret(name: string, value: string, of: "latest" | "deployed" = "latest"): string {
    const source = of === "latest" ? this.versions[0] : this.versions.find(({ id }) => id === this.liveId);
    if (!source) throw new TypeError("nothing was uploaded yet");
    const { etag, config, kid } = source;
    const made = { ...this.#version(kid, null), etag, bound: { ...source.bound, [name]: value } };
    this.versions.unshift({ ...made, ...(config === undefined ? {} : { config }) });
    return made.id;
  }

  /**
   * Somebody uploads code with wrangler or Terraform: a new version that inherits the secret of the latest upload and is configured
   * by mcpist.config.ts. @returns its id.
   */
  foreignUpload(): string {
    const kid = this.versions[0]?.kid ?? null;
    const config = this.versions[0]?.config === undefined ? {} : { config: configText(this.origins) };
    const made: FakeVersion = { ...this.#version(kid, null), etag: `code-${++this.#serial}`, ...config };
    this.versions.unshift(made);
    return made.id;
  }

  /** Somebody gives one version all traffic: a deploy of what was uploaded, or `wrangler rollback`. */
  foreignRelease(versionId: string): void {
    const released = this.versions.find(({ id }) => id === versionId);
    this.code = released?.etag ?? "none";
    this.bound = released?.bound ?? {};
    this.#deploy([{ versionId, percentage: 100 }], "released by somebody");
    this.check("foreign deploy");
  }

  /** Somebody uploads and deploys code. */
  foreignDeploy(): void {
    this.foreignRelease(this.foreignUpload());
  }

  context(run: { dead: boolean }, signal: AbortSignal = new AbortController().signal): Context {
    const silent = { write: () => true };
    return {
      stdin: process.stdin,
      stdout: silent,
      stderr: silent,
      env: {},
      cwd: "/",
      fetch: () => Promise.reject(new TypeError("a fake cloud has no network")),
      now: () => new Date(this.now),
      monotonic: () => this.now,
      sleep: async (ms) => {
        // Time passes when everybody waits.
        do await new Promise(setImmediate);
        while (webCrypto.underWay > 0);
        if (run.dead) throw new Killed();
        signal.throwIfAborted();
        this.pass(ms);
      },
      randomBytes: (count) => createHash("sha512").update(`${this.random()}`).digest().subarray(0, count),
      signal,
      redactor: new Redactor(),
      waits: new Waits(),
      place: new Place(),
    };
  }

  targets(run: { dead: boolean }): Targets {
    return {
      worker: this.#worker(run),
      origins: this.origins.map((origin) => this.#origin(run, origin)),
      vault: this.#vault(run),
    };
  }

  store(run: { dead: boolean }): GitStore {
    return {
      serverTime: () => this.now,
      readRef: () => this.remote(run, "git: read ref", () => (this.ref === null ? null : { sha: this.ref })),
      createRef: (sha) =>
        this.remote(run, "git: create ref", () => {
          if (this.ref !== null) return false;
          this.ref = sha;
          return true;
        }),
      updateRef: (sha) =>
        this.remote(run, "git: update ref", () => {
          if (sha === this.ref) return true;
          if (this.commits.get(sha)?.parents[0] !== this.ref) return false;
          this.ref = sha;
          return true;
        }),
      createCommit: (message, parents) =>
        this.remote(run, "git: create commit", () => {
          const sha = createHash("sha1").update(`${message}${parents.join()}`).digest("hex");
          const date = new Date(this.now).toISOString();
          this.commits.set(sha, { message, parents, date });
          return { sha, date };
        }),
      readCommit: (sha) =>
        this.remote(run, "git: read commit", () => {
          const commit = this.commits.get(sha);
          if (!commit) throw new McpistError("ERR_NOT_FOUND", "fake: no such commit");
          return commit;
        }),
      workflowRun: (id) => this.remote(run, "github: workflow run", () => this.workflowRuns[id] ?? "unknown"),
    };
  }

  #version(kid: string | null, annotation: Annotation | null): FakeVersion {
    const number = (this.versions[0]?.number ?? 0) + 1;
    const id = `v${number}`;
    const madeOf = annotation?.madeOf === "own" ? { id, exact: true } : annotation?.madeOf;
    return {
      id,
      number,
      kid,
      annotatedKid: annotation?.kid ?? null,
      annotatedFrom: annotation?.from ?? null,
      annotatedRun: annotation?.run ?? null,
      ...(madeOf ? { madeOf } : {}),
      etag: this.versions[0]?.etag ?? "code-0",
      ...(this.versions[0]?.config === undefined ? {} : { config: this.versions[0].config }),
      ...(this.versions[0]?.bound === undefined ? {} : { bound: this.versions[0].bound }),
    };
  }

  #deploy(shares: readonly { versionId: string; percentage: number }[], message: string): string {
    const stopping = this.deployment.filter(
      (share) =>
        share.percentage > 0 && !shares.some((next) => next.versionId === share.versionId && next.percentage > 0),
    );
    this.lagging = [
      ...this.lagging.filter(
        (entry) => !shares.some((next) => next.versionId === entry.versionId && next.percentage > 0),
      ),
      ...stopping.map(({ versionId }) => ({ versionId, until: this.now + this.lagMs })),
    ];
    const id = `d${++this.#serial}`;
    this.deployments.unshift({ id, shares: shares.map((share) => ({ ...share })), message });
    return id;
  }

  #worker(run: { dead: boolean }): WorkerTarget {
    const kidOfId = (id: string) => this.versions.find((version) => version.id === id)?.kid ?? null;
    const again = (
      from: string,
      kid: string | null,
      annotation: Annotation | null,
      change: Pick<FakeVersion, "config" | "bound">,
    ): string => {
      const source = this.versions.find((version) => version.id === from);
      const made = { ...this.#version(kid, annotation), ...(source ? { etag: source.etag } : {}) };
      const { config, bound } = source ?? {};
      this.versions.unshift({ ...made, ...(config && { config }), ...(bound && { bound }), ...change });
      return made.id;
    };
    return {
      name: "worker",
      names: () =>
        this.remote(run, "worker: names", () => ({
          exists: this.workerExists,
          secret: this.versions[0]?.kid !== undefined && this.versions[0].kid !== null,
        })),
      look: (known = []) =>
        this.remote(run, "worker: look", (): WorkerLook => {
          const recent = this.deployments.slice(0, 3).flatMap(({ shares }) => shares.map((share) => share.versionId));
          const asked = new Set([...recent, ...known]);
          const seen = this.versions.filter(({ id }, i) => i < this.listed || asked.has(id));
          return {
            versions: seen.map(({ kid: _kid, etag, config, bound = {}, ...version }, i) => ({
              ...version,
              code: [etag, config ?? "", ...Object.keys(bound)].join(" "),
              ...(i < this.listed ? {} : { aged: true as const }),
            })),
            deployments: [...this.deployments],
            deployment: [...this.deployment],
            observed: Object.fromEntries(this.deployment.map(({ versionId }) => [versionId, kidOfId(versionId)])),
          };
        }),
      deployments: () => this.remote(run, "worker: deployments", () => [...this.deployments]),
      bound: () =>
        this.remote(run, "worker: bound", (): BoundVersion | null => {
          const [top] = [...this.deployment].sort((a, b) => b.percentage - a.percentage);
          const version = this.versions.find((candidate) => candidate.id === top?.versionId);
          return version
            ? { versionId: version.id, config: version.config ?? configText(this.origins), kvNamespace: "kv" }
            : null;
        }),
      upload: async (value, annotation, guard) => {
        await guard();
        const kid = await kidOfText(value);
        return this.remote(run, "worker: upload", () => {
          const made = this.#version(kid, annotation);
          this.versions.unshift(made);
          return made.id;
        });
      },
      arm: async (from, value, annotation, guard) => {
        await guard();
        const kid = await kidOfText(value);
        const made = { ...annotation, madeOf: { id: from.id, exact: true } };
        return this.remote(run, "worker: upload", () => again(from.id, kid, made, {}));
      },
      reupload: async (from, annotation, guard, secretFrom = from) => {
        await guard();
        return this.remote(run, "worker: reupload", () => {
          const made = annotation && { ...annotation, madeOf: { id: from.id, exact: true } };
          return again(from.id, kidOfId(secretFrom.id), made, {});
        });
      },
      reconfigure: async (from, config, annotation, guard) => {
        await guard();
        const made = annotation && { ...annotation, madeOf: { id: from.id, exact: true } };
        return this.remote(run, "worker: reconfigure", () => again(from.id, kidOfId(from.id), made, { config }));
      },
      bind: async (from, secrets, annotation, guard) => {
        await guard();
        return this.remote(run, "worker: bind", () => {
          const bound = { ...this.versions.find(({ id }) => id === from.id)?.bound, ...secrets };
          const made = annotation && { ...annotation, madeOf: "own" as const };
          return again(from.id, kidOfId(from.id), made, { bound });
        });
      },
      secrets: (names) =>
        this.remote(run, "worker: secrets", (): SecretsLook => {
          const serving = this.deployment.filter(({ percentage }) => percentage > 0);
          const versions = this.versions.filter(({ id }) => serving.some(({ versionId }) => versionId === id));
          const held = names.filter((name) => versions.every(({ bound = {} }) => name in bound));
          return {
            ok: true,
            instances: versions.map(({ id, bound = {} }) => ({ id, markList: markList(bound) })),
            stamps: Object.fromEntries(held.map((name) => [name, new Date(0).toISOString()])),
          };
        }),
      deploy: async (shares, message, guard, { recall } = { recall: false }) => {
        await guard();
        return this.remote(run, "worker: deploy", () => {
          this.#refuseAged(shares);
          if (!recall) this.#refuseOldSecrets(shares);
          return this.#deploy(shares, message);
        });
      },
      answers: () =>
        this.remote(run, "worker: answers", () => {
          const ids = [this.liveId, ...this.lagging.map(({ versionId }) => versionId)];
          return kidOfId(ids[Math.floor(this.random() * ids.length)] ?? "");
        }),
      probe: (versionId, name) =>
        this.remote(run, "worker: probe", (): ProbeReport | null => {
          const origin = this.origins.find((candidate) => candidate.name === name);
          const kid = kidOfId(versionId);
          if (!origin || kid === null || !this.deployment.some((share) => share.versionId === versionId)) return null;
          const version = this.versions.find((candidate) => candidate.id === versionId);
          // The gateway asks only origins that it was told about.
          if (!version || !(name in this.routes(version))) return null;
          const awake = origin.instances.filter((instance) => instance.awake);
          const instance = awake[Math.floor(this.random() * awake.length)];
          if (!instance) return { origin: name, status: 503, observation: null };
          return {
            origin: name,
            status: 200,
            observation: {
              role: "origin",
              instanceId: instance.id,
              deployment: instance.rollout,
              kids: instance.kids,
              lastAccepted: {},
              accepted: accepts(instance.kids, kid),
            },
          };
        }),
    };
  }

  /** Only so many of the newest versions can be deployed, whether or not one runs already. */
  #refuseAged(shares: readonly Share[]): void {
    const newest = new Set(this.versions.slice(0, this.listed).map(({ id }) => id));
    const aged = shares.find(({ versionId }) => !newest.has(versionId));
    if (aged) throw new McpistError("ERR_VENDOR", `fake: ${aged.versionId} is older than the newest ${this.listed}`);
  }

  /** Cloudflare's 10220: an older version that is not deployed brings back another secret than the one that is. */
  #refuseOldSecrets(shares: readonly Share[]): void {
    const byId = (id: string) => this.versions.find((version) => version.id === id);
    const running = byId(this.liveId);
    const brings = shares
      .filter(({ versionId }) => !this.deployment.some((share) => share.versionId === versionId))
      .map(({ versionId }) => byId(versionId))
      .find((version) => running && version && version.number < running.number && version.kid !== running.kid);
    if (brings) throw new McpistError("ERR_VENDOR", "fake: cannot deploy this version without force (10220)");
  }

  #origin(run: { dead: boolean }, origin: FakeOriginState): OriginTarget {
    const up = () => {
      if (origin.down) throw new McpistError("ERR_UNREACHABLE", `fake: ${origin.name} is down`);
    };
    return {
      name: origin.name,
      kind: origin.kind,
      state: origin.state,
      store: origin.name,
      names: () =>
        this.remote(run, `${origin.name}: names`, () => {
          up();
          const slots = (["a", "b"] as const).filter((slot) => origin.config[slot] !== null);
          return { slots, legacy: origin.legacy !== null };
        }),
      write: async (values: SlotValues, guard) => {
        // Koyeb takes one call per secret, Fly one for all.
        const parts =
          origin.kind === "koyeb" ? Object.entries(values).map(([slot, value]) => ({ [slot]: value })) : [values];
        for (const part of parts) {
          await guard();
          const kids = await kidsOf(part);
          await this.remote(run, `${origin.name}: write ${Object.keys(part).join("+")}`, () => {
            up();
            origin.config = { ...origin.config, ...kids };
            origin.configChanged = true;
          });
        }
      },
      // The other secrets have no part in the model: they are kept for whoever gives them to an origin.
      put: async (name, _value, mark, guard) => {
        await guard();
        return this.remote(run, `${origin.name}: put ${name}`, () => {
          up();
          const stamp = `written ${this.calls}`;
          origin.secrets = { ...origin.secrets, [name]: { mark, stamp } };
          return stamp;
        });
      },
      outlook: async () => ({ alone: origin.kind === "fly" && origin.instances.length === 1, short: [] }),
      peek: async () => {
        await Promise.resolve();
        return origin.instances.find((one) => one.awake && (one.backAt ?? 0) <= this.now)?.kids ?? null;
      },
      deployed: async () => origin.service,
      roll: async (speed, guard) => {
        if (!origin.service) return;
        if (origin.kind === "koyeb") {
          await guard();
          await this.remote(run, `${origin.name}: redeploy`, () => {
            up();
            this.#replace(origin, speed === "now");
          });
        } else {
          // Machines that stopped at their first start are updated, and start.
          if (origin.instances.length === 0) this.deployService(origin);
          for (const id of origin.instances.map((instance) => instance.id)) {
            await guard();
            await this.remote(run, `${origin.name}: update ${id}`, () => {
              up();
              this.updateMachine(origin, id);
            });
            await this.#back(run, origin);
          }
        }
        while (!this.impatientRollouts && origin.instances.some((instance) => instance.diesAt !== null))
          await this.context(run).sleep(500);
      },
      look: async ({ withinMs } = {}) => {
        if (withinMs === undefined) await this.#back(run, origin);
        return this.remote(run, `${origin.name}: look`, (): OriginLook => {
          if (origin.instances.some(({ backAt = 0 }) => backAt > this.now))
            return { ok: false, reason: "its instance does not answer in time" };
          if (origin.down) return { ok: false, reason: "its API does not answer" };
          const stamps = origin.secrets && {
            stamps: Object.fromEntries(Object.entries(origin.secrets).map(([name, { stamp }]) => [name, stamp])),
          };
          const [missing] = this.#missing(origin);
          if (origin.service && origin.instances.length === 0 && missing !== undefined)
            return {
              ok: false,
              reason: `deployment d-${origin.name} is ERROR: secret ${missing} not found`,
              ...stamps,
            };
          const seen = this.sleepersAreInvisible
            ? origin.instances.filter((instance) => instance.awake)
            : origin.instances;
          for (const instance of seen) instance.awake = true; // asking an instance wakes it
          return {
            ok: true,
            ...stamps,
            ...(origin.silent ? { silent: origin.silent } : {}),
            config: origin.configChanged ? null : { ...origin.config },
            slots: this.#slotsOf(origin),
            instances: seen.map((instance) => ({
              id: instance.id,
              rollout: instance.rollout,
              newest: instance.newest,
              awake: true,
              kids: { ...instance.kids },
              ...(instance.marks ? { marks: instance.marks } : {}),
              peers: Object.fromEntries(
                Object.entries(instance.peers ?? {}).map(([kid, { inside, outside, outsideCount }]) => [
                  kid,
                  { inside: this.#age(inside), outside: this.#age(outside), outsideCount },
                ]),
              ),
              lastAccepted: Object.fromEntries(
                acceptedKids(instance.kids).map((kid) => {
                  const at = instance.lastAccepted[kid];
                  return [kid, at === undefined ? null : Math.floor((this.now - at) / 1000)];
                }),
              ),
            })),
          };
        });
      },
    };
  }

  #age(at: number | undefined): number | null {
    return at === undefined ? null : Math.floor((this.now - at) / 1000);
  }

  /** What a platform can tell of its configuration, slot by slot: whether it is what the newest instance booted from. */
  #slotsOf(origin: FakeOriginState): VaultSlots {
    const newest = origin.instances.find((instance) => instance.newest && instance.diesAt === null);
    const booted = newest && "a" in newest.kids ? newest.kids : null;
    const slot = (name: SlotName) =>
      origin.config[name] === null ? null : origin.config[name] === booted?.[name] ? origin.config[name] : "unknown";
    return { a: slot("a"), b: slot("b") };
  }

  /** Koyeb: new instances beside the old ones, which stop later (IMMEDIATE: at once). */
  #replace(origin: FakeOriginState, atOnce: boolean): void {
    if (this.hollowWhen(origin.name)) {
      origin.configChanged = false;
      return;
    }
    this.#mustBoot(origin);
    origin.rollouts++;
    const old = origin.instances.filter((instance) => instance.diesAt === null);
    const fresh = Array.from({ length: Math.max(origin.size, old.length) }, (_, i) =>
      this.#fresh(origin, `${origin.name}-${origin.rollouts}-${i}`, old[i]?.awake ?? true),
    );
    for (const instance of origin.instances) {
      instance.newest = false;
      instance.diesAt ??= this.now + (atOnce ? 1 : ROLLOUT_MS);
    }
    origin.instances.push(...fresh);
    origin.configChanged = false;
  }

  #missing({ needs = [], secrets = {} }: FakeOriginState): readonly string[] {
    return needs.filter((name) => !Object.hasOwn(secrets, name));
  }

  /** An origin without a valid slot refuses to start. */
  #mustBoot(origin: FakeOriginState): void {
    const [missing] = this.#missing(origin);
    if (missing !== undefined)
      throw new McpistError("ERR_VENDOR", `fake: ${origin.name} does not start without ${missing}`);
    if (origin.legacy !== null || acceptedKids(origin.config).length > 0) return;
    throw new McpistError("ERR_VENDOR", `fake: ${origin.name} does not start without a valid slot`);
  }

  /** The service stack of a new origin is deployed: it boots from what is in its slots. */
  deployService(origin: FakeOriginState): void {
    origin.service = true;
    this.#mustBoot(origin);
    origin.instances = Array.from({ length: origin.size }, (_, i) => this.#fresh(origin, `${origin.name}-${i}`, true));
    origin.configChanged = false;
  }

  /** Fly: one Machine boots from the configuration; its memory image is gone. */
  updateMachine(origin: FakeOriginState, id: string): void {
    this.#mustBoot(origin);
    origin.rollouts++;
    origin.instances = origin.instances.map((instance) =>
      instance.id === id && (instance.awake || !this.restartsOnly) ? this.#fresh(origin, id, instance.awake) : instance,
    );
    const [alone, ...others] = origin.instances;
    const [least, most] = BOOT_MS;
    if (alone?.awake && others.length === 0) alone.backAt = this.now + least + (most - least) * this.random();
    const newest = JSON.stringify(origin.config);
    const counted = origin.instances.filter((instance) => instance.awake || !this.restartsOnly);
    origin.configChanged = !counted.every((instance) => JSON.stringify(instance.kids) === newest);
  }

  #fresh(origin: FakeOriginState, id: string, awake: boolean): FakeInstance {
    return {
      id,
      rollout: `r${origin.rollouts}`,
      newest: true,
      awake,
      kids: { ...origin.config },
      lastAccepted: {},
      diesAt: null,
      ...(origin.secrets
        ? { marks: Object.fromEntries(Object.entries(origin.secrets).map(([name, { mark }]) => [name, mark])) }
        : {}),
    };
  }

  #vault(run: { dead: boolean }): Vault {
    return {
      check: async () => undefined,
      names: () =>
        this.remote(run, "github: names", () => ({
          a: this.vault.a.updatedAt === null ? null : new Date(this.vault.a.updatedAt).toISOString(),
          b: this.vault.b.updatedAt === null ? null : new Date(this.vault.b.updatedAt).toISOString(),
        })),
      write: async (values, guard) => {
        for (const [slot, value] of Object.entries(values) as [SlotName, string][]) {
          await guard();
          const kids = await kidsOf({ [slot]: value });
          await this.remote(run, `github: write ${slot}`, () => {
            this.vault[slot] = { kid: kids[slot] ?? null, updatedAt: this.now };
            this.given[slot] = value;
          });
        }
      },
      put: async (name, _value, guard) => {
        await guard();
        return this.remote(run, `github: put ${name}`, () => {
          const at = new Date(this.now).toISOString();
          this.others = { ...this.others, [name]: at };
          return at;
        });
      },
      secrets: (names) =>
        this.remote(run, "github: secrets", (): SecretsLook => {
          const held = Object.entries(this.others).filter(([name]) => names.includes(name));
          return { ok: true, instances: [], stamps: Object.fromEntries(held) };
        }),
      writeLive: async (slot, kid, guard) => {
        await guard();
        await this.remote(run, "github: write live", () => {
          this.live = `${slot}:${kid}`;
        });
      },
      live: () => this.remote(run, "github: live", () => this.live),
    };
  }
}

/** As an instance answers: `acceptedKids` for one kid, and without a list, because every tick asks every instance. */
const accepts = (kids: KidsReport, kid: string): boolean =>
  "legacy" in kids ? kids.legacy === kid : kids.a === kid || kids.b === kid;

async function kidOfText(text: string): Promise<string> {
  const slot = parseSlot(text);
  if (slot.kind === "secret") return kidOf(slot.bytes);
  throw new TypeError("a fake platform was given something that is no secret");
}

/** What an instance would report for these contents. */
async function kidsOf(values: SlotValues): Promise<Partial<Kids>> {
  const kids: Partial<Kids> = {};
  for (const slot of ["a", "b"] as const) {
    const value = values[slot];
    if (value === undefined) continue;
    const parsed = parseSlot(value);
    if (parsed.kind === "secret") kids[slot] = await kidOf(parsed.bytes);
    else if (parsed.kind === "revoked") kids[slot] = `revoked:${parsed.kid}`;
    else throw new TypeError("a fake platform was given an invalid slot");
  }
  return kids;
}
