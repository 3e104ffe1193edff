/**
 * Named outages and slownesses for rehearsals: `mcpist sandbox --scenario NAME`, or over the control endpoint while it runs.
 * Each can be ended again; what it changed then goes back to what it was. None changes a secret.
 */
import type { SandboxAccounts } from "../contract/sandbox.ts";
import { listAt, type VendorCall } from "./client.ts";
import { useStolenSecret } from "./stolen-secret.ts";
import type { CloudflareEmulator } from "./vendors/cloudflare/cloudflare.ts";
import type { FaultEffect, FaultRule, Faults } from "./vendors/faults.ts";
import type { Fly } from "./vendors/fly/fly.ts";
import type { Github } from "./vendors/github/github.ts";
import { DOCUMENTED } from "./vendors/github/rate.ts";
import type { Koyeb } from "./vendors/koyeb/koyeb.ts";
import type { Timings, VendorContext } from "./vendors/vendor.ts";

/** What a scenario may change. */
export interface ScenarioParts {
  readonly context: VendorContext;
  readonly faults: Faults;
  readonly github: Github;
  readonly cloudflare: CloudflareEmulator;
  readonly koyeb: Koyeb;
  readonly fly: Fly;
  readonly call: VendorCall;
  readonly accounts: SandboxAccounts;
}
/** Ends a scenario. */
export type Undo = () => void | Promise<void>;
export interface Scenario {
  /** One sentence: what the operator will see. */
  readonly text: string;
  readonly start: (parts: ScenarioParts) => Undo | Promise<Undo>;
}

const MACHINE_WAIT_SECONDS = 30;

const onKoyeb = ({ origins }: SandboxAccounts) => origins.filter((origin) => origin.kind === "koyeb");
const onFly = ({ origins }: SandboxAccounts) => origins.filter((origin) => origin.kind === "fly");

const refuse = (status: number, retryAfterSeconds?: number): FaultEffect => ({
  kind: "status",
  when: "before",
  status,
  ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
});

const withRules =
  (...rules: readonly FaultRule[]): Scenario["start"] =>
  ({ faults }) => {
    const ids = rules.map((rule) => faults.add(rule));
    return () => ids.forEach((id) => faults.remove(id));
  };

const withTimings =
  (change: Partial<Timings>): Scenario["start"] =>
  ({ context }) => {
    const before = context.timings;
    context.timings = { ...before, ...change };
    // Only what this scenario changed goes back; another one may have changed the rest meanwhile.
    return () => {
      const restored = Object.fromEntries(Object.keys(change).map((key) => [key, before[key as keyof Timings]]));
      context.timings = { ...context.timings, ...restored };
    };
  };

const rollout =
  (behaviour: "fail" | "stuck"): Scenario["start"] =>
  ({ koyeb, accounts }) => {
    const apps = onKoyeb(accounts).map(({ app }) => app);
    for (const app of apps) koyeb.behave(app, behaviour);
    return () => apps.forEach((app) => koyeb.behave(app, "normal"));
  };

const sleep =
  (depth: "light" | "deep"): Scenario["start"] =>
  async ({ koyeb, accounts }) => {
    const services = onKoyeb(accounts);
    await Promise.all(services.map(({ app, service }) => koyeb.sleep(app, service, depth)));
    const edges = await Promise.all(services.map(({ app, service }) => koyeb.edgeUrl(app, service)));
    // Whoever comes by wakes it.
    return async () => void (await Promise.allSettled(edges.map((edge) => fetch(`${edge}/health`))));
  };

const machines =
  (down: "stop" | "suspend"): Scenario["start"] =>
  async ({ call, accounts }) => {
    /** Those that are in `from` when it is their turn: whatever happened meanwhile, they are read again. */
    const bringOne = async (
      path: string,
      from: readonly string[],
      action: "stop" | "suspend" | "start",
      state: string,
    ) => {
      const ids = listAt(await call("fly", "GET", path), "items").map(({ id }) => String(id));
      await Promise.all(
        ids.map(async (id) => {
          const { state: now, instance_id: version } =
            (await call("fly", "GET", `${path}/${id}`, undefined, [404])) ?? {};
          if (!from.includes(String(now))) return;
          // Somebody else may hold its lease, or have changed its state a moment ago: then it is no longer this scenario's.
          if ((await call("fly", "POST", `${path}/${id}/${action}`, {}, [404, 409, 412])) === null) return;
          const wait = `wait?state=${state}&version=${String(version)}&timeout=${MACHINE_WAIT_SECONDS}`;
          await call("fly", "GET", `${path}/${id}/${wait}`, undefined, [404, 408]);
        }),
      );
    };
    const bring = async (...how: readonly [readonly string[], "stop" | "suspend" | "start", string]) =>
      void (await Promise.all(onFly(accounts).map(({ app }) => bringOne(`/v1/apps/${app}/machines`, ...how))));
    await bring(["started"], down, down === "stop" ? "stopped" : "suspended");
    return () => bring(["stopped", "suspended"], "start", "started");
  };

const BY_NAME: Readonly<Record<string, Scenario>> = {
  "koyeb-down": {
    text: "Koyeb is gone: its API and its public side answer 503.",
    start: withRules(
      { vendor: "koyeb", effect: refuse(503) },
      { vendor: "origin", platform: "koyeb", effect: refuse(503) },
    ),
  },
  "koyeb-unreachable": {
    text: "The way to the origin on Koyeb is cut: connections are reset, its API answers.",
    start: withRules({ vendor: "origin", platform: "koyeb", effect: { kind: "reset", when: "before" } }),
  },
  "fly-down": {
    text: "Fly.io is gone: its API and its public side answer 503.",
    start: withRules(
      { vendor: "fly", effect: refuse(503) },
      { vendor: "origin", platform: "fly", effect: refuse(503) },
    ),
  },
  "slow-rollout": {
    text: "Koyeb needs ten times as long for every step, Fly five seconds to boot a Machine.",
    start: withTimings({ koyebStepMs: 1500, koyebDrainMs: 6000, flyBootMs: 5000 }),
  },
  "failed-deployment": {
    text: "The next Koyeb deployments end in ERROR; the old instances serve on.",
    start: rollout("fail"),
  },
  "stuck-deployment": { text: "The next Koyeb deployments never leave STARTING.", start: rollout("stuck") },
  "lagging-edge": {
    text: "An edge location needs up to 8 s until it runs a new Worker deployment.",
    start: withTimings({ edgeLagMs: 8000 }),
  },
  asleep: {
    text: "The Koyeb service sleeps deeply: the next request boots it from its frozen environment.",
    start: sleep("deep"),
  },
  "asleep-light": {
    text: "The Koyeb service sleeps lightly: it wakes with the memory, and the secrets, it had.",
    start: sleep("light"),
  },
  stopped: {
    text: "Every Fly Machine is stopped; a request starts one, and it boots with what is staged.",
    start: machines("stop"),
  },
  suspended: {
    text: "Every Fly Machine is suspended: it resumes with the memory, and the secrets, it had.",
    start: machines("suspend"),
  },
  "stale-host": {
    text: "Fly hosts do not see new secrets unless a boot asks for them with min_secrets_version.",
    start: ({ fly, accounts }) => {
      const apps = onFly(accounts).map(({ app }) => app);
      for (const app of apps) fly.staleHosts(app, true);
      return () => apps.forEach((app) => fly.staleHosts(app, false));
    },
  },
  "fly-rate-limit": {
    text: "Fly enforces its documented limits: one call per second and action, three in a burst.",
    start: ({ fly }) => {
      fly.limitRate(true);
      return () => fly.limitRate(false);
    },
  },
  "github-429": {
    text: "Every third call to GitHub is answered with 429 and retry-after 1.",
    start: withRules({ vendor: "github", nth: 2, every: 3, effect: refuse(429, 1) }),
  },
  "github-secondary-limit": {
    text: "GitHub enforces its limits per minute (900 points, 80 writes), which a fast rehearsal meets sooner.",
    start: ({ github }) => {
      github.rates.secondary = DOCUMENTED;
      return () => void (github.rates.secondary = null);
    },
  },
  "github-lag": { text: "GitHub shows a new updated_at only after 10 s.", start: withTimings({ githubLagMs: 10_000 }) },
  "github-key-rotated": {
    text: "GitHub rotates its public keys between the moment a client reads one and the moment it writes (once).",
    start: ({ faults, github }) => {
      const stop = faults.onCall((call) => {
        if (call.vendor !== "github" || call.method !== "PUT" || !call.path.includes("/secrets/")) return;
        stop();
        github.rotateKeys();
      });
      return () => {
        stop();
      };
    },
  },
  "cloudflare-5xx": {
    text: "Every third call to the Cloudflare API fails with 503.",
    start: withRules({ vendor: "cloudflare", nth: 2, every: 3, effect: refuse(503) }),
  },
  "lost-replies": {
    text: "Every vendor carries out every fourth write and then drops the connection without an answer.",
    start: withRules(
      ...(["github", "cloudflare", "koyeb", "fly"] as const).flatMap((vendor) =>
        ["POST", "PUT", "PATCH"].map((method): FaultRule => ({
          vendor,
          method,
          nth: 2,
          every: 4,
          effect: { kind: "reset", when: "lost" },
        })),
      ),
    ),
  },
  "slow-vendors": {
    text: "Every call to a vendor takes two seconds longer.",
    start: withRules(
      ...(["github", "cloudflare", "koyeb", "fly"] as const).map((vendor): FaultRule => ({
        vendor,
        effect: { kind: "delay", ms: 2000 },
      })),
    ),
  },
  "stolen-secret": {
    text: "Somebody outside Cloudflare calls every origin directly, with the gateway secret that is live when this begins.",
    start: async ({ cloudflare, koyeb, fly, accounts }) =>
      useStolenSecret(
        cloudflare,
        accounts.worker,
        await Promise.all(
          accounts.origins.map((origin) =>
            origin.kind === "koyeb" ? koyeb.edgeUrl(origin.app, origin.service) : fly.edgeUrl(origin.app),
          ),
        ),
      ),
  },
};

/** Every scenario, in the order in which they are listed. */
export const SCENARIOS = Object.entries(BY_NAME).map(([name, scenario]) => ({ name, ...scenario }));

/** There is no scenario of that name. */
export class UnknownScenarioError extends Error {
  override readonly name = "UnknownScenarioError";
}

/** The scenarios that are under way. */
export class Scenarios {
  readonly #parts: ScenarioParts;
  readonly #active = new Map<string, Undo>();

  constructor(parts: ScenarioParts) {
    this.#parts = parts;
  }

  active(): readonly string[] {
    return [...this.#active.keys()];
  }

  /** Starting one that runs does nothing. @throws {UnknownScenarioError}; whatever the vendor says when there is nothing yet to break. */
  async start(name: string): Promise<void> {
    const scenario = SCENARIOS.find((candidate) => candidate.name === name);
    if (!scenario)
      throw new UnknownScenarioError(
        `there is no scenario of that name; there are ${SCENARIOS.map((known) => known.name).join(", ")}`,
      );
    if (!this.#active.has(name)) this.#active.set(name, await scenario.start(this.#parts));
  }

  async stop(name: string): Promise<void> {
    const undo = this.#active.get(name);
    this.#active.delete(name);
    await undo?.();
  }
}
