/**
 * Who is there, and which kids each sends or accepts. Kids come from the parties' own answers on the well-known path, asked for
 * once per Worker version and once per process, because a process never changes its secrets; the rest is the emulators' state.
 * Looking wakes nobody, and is no call to a vendor.
 */
import { get } from "node:http";
import { kidOf, parseSlot, SLOT_VARIABLES } from "../../contract/gateway-secret.ts";
import { OBSERVATION_PATH, VERSION_OVERRIDE_HEADER } from "../../contract/headers.ts";
import { parseOriginObservation, parseWorkerObservation } from "../../contract/observation.ts";
import type { SlotReport } from "../../contract/slots.ts";
import type { CloudflareEmulator } from "../vendors/cloudflare/cloudflare.ts";
import { edgeOf } from "../vendors/cloudflare/runtime/edges.ts";
import type { Fly } from "../vendors/fly/fly.ts";
import type { Github } from "../vendors/github/github.ts";
import type { Koyeb } from "../vendors/koyeb/koyeb.ts";
import type { InstanceView } from "../processes/instance-view.ts";
import type { Party, PartyState } from "./recorder.ts";

/** An answer on the well-known path that takes longer is asked for again at the next look. Unit: milliseconds. */
const OBSERVE_TIMEOUT_MS = 1_500;
/** A vendor's ids are shown this short. Unit: characters. */
const SHORT = 8;
/** Their requests meet all four edges. */
const ADDRESSES = ["127.0.1.0", "127.0.1.1", "127.0.1.2", "127.0.1.3"] as const;
/** In these, a process still holds what it booted with. */
const HOLDING: ReadonlySet<InstanceView["activity"]> = new Set(["serving", "leaving", "suspended", "failed"]);

/** What is watched; a running sandbox is one. */
export interface WatchedSandbox {
  readonly github: Github;
  readonly cloudflare: CloudflareEmulator;
  readonly koyeb: Koyeb;
  readonly fly: Fly;
  readonly urls: { readonly gateway: string };
}
/** Whose parties; an Environment of contract/config.ts is one. */
export interface WatchedEnvironment {
  readonly github: { readonly environment: string };
  readonly cloudflare: { readonly worker: string };
}
export type Seen = readonly [Party, PartyState];
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

/** Looks at the parties of one environment. */
export class Parties {
  readonly #sandbox: WatchedSandbox;
  readonly #environment: WatchedEnvironment;
  /** Kid of a Worker version. */
  readonly #kids = new Map<string, string | null>();
  /** Slots of a process, by instance and rollout. */
  readonly #slots = new Map<string, Slots>();
  readonly #asking = new Set<string>();

  constructor(sandbox: WatchedSandbox, environment: WatchedEnvironment) {
    this.#sandbox = sandbox;
    this.#environment = environment;
  }

  async look(): Promise<readonly Seen[]> {
    const { koyeb, fly } = this.#sandbox;
    return [
      ...(await this.#vault()),
      ...this.#edges(),
      ...koyeb.instances().map((instance) => this.#instance("Koyeb", instance)),
      ...fly.instances().map((instance) => this.#instance("Fly.io", instance)),
    ];
  }

  /** At most once at a time for each key; the answer is there at a later look. */
  #learn(key: string, ask: () => Promise<void>): void {
    if (this.#asking.has(key)) return;
    this.#asking.add(key);
    void ask().finally(() => this.#asking.delete(key));
  }

  /** Values are read where they lie, in this process, and leave as kids only. */
  async #vault(): Promise<readonly Seen[]> {
    const report = async (name: string): Promise<SlotReport> => {
      const slot = parseSlot(this.#sandbox.github.reveal(name, this.#environment.github.environment));
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

  #edges(): readonly Seen[] {
    const { worker } = this.#environment.cloudflare;
    const script = this.#sandbox.cloudflare.workers().find(({ name }) => name === worker);
    return (script?.edges ?? []).flatMap(({ edge, deployment }): Seen[] => {
      const shares = deployment?.shares.filter(({ percentage }) => percentage > 0) ?? [];
      for (const { versionId } of shares) this.#learnVersion(edge, versionId);
      const versionId = shares[0]?.versionId;
      if (versionId === undefined) return [];
      const number = script?.versions.find(({ id }) => id === versionId)?.number ?? "?";
      const split = shares.map(({ versionId: id, percentage }) => `${id.slice(0, SHORT)} ${percentage} %`).join(", ");
      const kid = this.#kids.get(versionId);
      const state: PartyState = {
        activity: "serving",
        rollout: `version ${number} (${split})`,
        ...(kid === undefined ? {} : { sends: kid }),
      };
      return [[{ group: "Cloudflare", id: `edge-${edge}`, title: `edge ${edge}` }, state]];
    });
  }

  #learnVersion(edge: string, versionId: string): void {
    if (this.#kids.has(versionId)) return;
    this.#learn(versionId, async () => {
      const headers = { [VERSION_OVERRIDE_HEADER]: `${this.#environment.cloudflare.worker}="${versionId}"` };
      const address = ADDRESSES.find((candidate) => edgeOf(candidate) === edge);
      const seen = parseWorkerObservation(
        await getJson(this.#sandbox.urls.gateway + OBSERVATION_PATH, headers, address),
      );
      // The edge routes by percentage when it does not have the version: only the version itself speaks for itself.
      if (seen?.deployment === versionId) this.#kids.set(versionId, seen.kid);
    });
  }

  #instance(group: "Koyeb" | "Fly.io", { id, region, rollout, activity, url }: InstanceView): Seen {
    const key = `${id} ${rollout}`;
    if (url !== null && !this.#slots.has(key))
      this.#learn(key, async () => {
        const seen = parseOriginObservation(await getJson(url + OBSERVATION_PATH, {}));
        if (seen?.instanceId === id && !("legacy" in seen.kids)) this.#slots.set(key, seen.kids);
      });
    const held = HOLDING.has(activity) ? this.#slots.get(key) : undefined;
    const state: PartyState = { activity, rollout: rollout.slice(-SHORT), ...(held ? { slots: held } : {}) };
    return [{ group, id: `${group}-${id}`, title: `${id.slice(0, SHORT)} ${region}` }, state];
  }
}
