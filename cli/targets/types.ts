/**
 * What the rotation needs of each platform, as narrow as the protocol allows. Every method is one or a few remote calls;
 * whatever writes takes a `guard` and calls it before each mutating call, because a lease may run out between two calls.
 */
import type { Marks } from "../../contract/marks.ts";
import type { LastAccepted, Peers, ProbeReport } from "../../contract/observation.ts";
import type { KidsReport, SlotReport } from "../../contract/slots.ts";
import type { SlotName } from "../../contract/gateway-secret.ts";
import type { OriginKind } from "../../contract/platforms.ts";

/** Throws when the run may not write any more: lease over, journal not mine, interrupted. */
export type Guard = () => Promise<void>;

/** Contents to be written, by slot. Either a secret (64 hex characters) or a tombstone. */
export type SlotValues = { readonly [slot in SlotName]?: string };

/** One instance of an origin as platform and instance report it. */
export interface InstanceView {
  readonly id: string;
  /** What the platform rolled out to it: a Koyeb deployment, a Fly Machine version. */
  readonly rollout: string;
  /** False while an older rollout still has instances. */
  readonly newest: boolean;
  readonly awake: boolean;
  readonly kids: KidsReport;
  readonly lastAccepted: LastAccepted;
  /** Marks of the other secrets that it booted with; absent = its image is older than marks. */
  readonly marks?: Marks;
  /** Where those came from; absent at origins that do not tell. */
  readonly peers?: Peers;
}

/** By variable, what the platform itself says about a secret: a digest, or when it was written. A name without one is not held. */
export type Stamps = Readonly<Record<string, string>>;

/** What one look at an origin gave. */
export type OriginLook =
  | {
      readonly ok: true;
      readonly instances: readonly InstanceView[];
      /** Kids of the platform's configuration, i.e. of the next cold start; null = not proven. */
      readonly config: KidsReport | null;
      /** The configuration slot by slot, as far as it is known: null = there is none of that name. Absent = nothing is known. */
      readonly slots?: VaultSlots;
      /** The platform's own stamps of the other secrets as they are now. Absent = it was not asked. */
      readonly stamps?: Stamps;
      /** Instances of a joining origin that do not answer: it may be unable to start without a secret. Absent = none. */
      readonly silent?: readonly string[];
    }
  | {
      readonly ok: false;
      readonly reason: string;
      readonly stamps?: Stamps;
      /** The platform has nothing of that name, so nothing can run there. */
      readonly absent?: true;
    };

/** One party that reports which writes it runs with: an instance of an origin, or a Worker version. */
export interface Reporting {
  readonly id: string;
  /** By name of the secret; absent = what runs there is older than marks. */
  readonly marks?: Marks;
  /** Without names. */
  readonly markList?: readonly string[];
}

/** One look at the secrets of one's own where no origin has them: the Worker's deployed versions, or GitHub's list. */
export type SecretsLook =
  | { readonly ok: true; readonly instances: readonly Reporting[]; readonly stamps: Stamps }
  | { readonly ok: false; readonly reason: string; readonly stamps?: Stamps };

/** How to look. */
export interface LookOptions {
  /**
   * So long is waited for what does not answer yet: an instance that boots, an edge that lags, a gateway that is silent. What does not
   * answer then is reported as not seen. Unit: milliseconds; absent = as long as each of them may take.
   */
  readonly withinMs?: number;
}

/** How fast a rollout must be. `now` replaces old instances at once and costs availability. */
export type RolloutSpeed = "rolling" | "now";

/** What is to be known of an origin before it is rolled out. */
export interface Outlook {
  /** Its only instance is replaced in place, so that nothing serves there meanwhile. */
  readonly alone: boolean;
  /**
   * Instances to which the platform gives too little time to end their calls. The rollout writes more into their configuration, and
   * that stays: nothing else can say it.
   */
  readonly short: readonly string[];
}

/** One origin. */
export interface OriginTarget {
  readonly name: string;
  readonly kind: OriginKind;
  readonly state: "pool" | "joining" | "quarantined";
  /** Where its slots are kept; origins with the same store share them (Koyeb's secrets belong to the organisation). */
  readonly store: string;
  /** Names of gateway-secret slots that exist on the platform, by its own list. Never a value. */
  names(): Promise<{ readonly slots: readonly SlotName[]; readonly legacy: boolean }>;
  /** Writes slots. Takes effect at the next cold start, at the latest with {@link OriginTarget.roll}. */
  write(values: SlotValues, guard: Guard): Promise<void>;
  /** Writes one of the other secrets, then its mark. Takes effect like slots do. @returns the platform's stamp of the secret. */
  put(name: string, value: string, mark: string, guard: Guard): Promise<string>;
  /** What a rollout that follows would do there beside replacing instances. */
  outlook(): Promise<Outlook>;
  /** Something was deployed there, whether it runs or not. */
  deployed(): Promise<boolean>;
  /** Replaces every instance, sleeping ones too, so that it boots from the current configuration. Returns when the platform says it is done. */
  roll(speed: RolloutSpeed, guard: Guard): Promise<void>;
  /**
   * Takes back what a rollout `now` changed in the platform's configuration, in this run or in one that was killed; nothing where
   * nothing is left. Absent = such a rollout leaves nothing behind.
   */
  settle?(guard: Guard): Promise<void>;
  /** What the instance accepts that its public address chose just now; null when none answered. Absent = cannot be asked. */
  peek?(): Promise<KidsReport | null>;
  /** Asks every instance, waking the sleeping ones, and proves the configuration. */
  look(options?: LookOptions): Promise<OriginLook>;
}

/** One version of the Worker, as far as platform and annotations tell. */
export interface WorkerVersion {
  readonly id: string;
  readonly number: number;
  /** From our annotation; null when the version was not made by mcpist. */
  readonly annotatedKid: string | null;
  readonly annotatedFrom: string | null;
  readonly annotatedRun: string | null;
  /** What mcpist made it of, itself where it wrote other secrets; absent = somebody else made it, or an older version of this tool. */
  readonly madeOf?: Source;
  /** Digest of code, settings and bindings without secrets: equal for two versions that differ in secrets only. Absent = not asked. */
  readonly code?: string;
  /** So many were uploaded since that the platform deploys it no more, not even beside another one. */
  readonly aged?: true;
}

/** The version that another one has its code and its other secrets from. */
export interface Source {
  readonly id: string;
  /** Each binding was taken from there by id. False: the platform took what was uploaded last, which was to be that version. */
  readonly exact: boolean;
}

/** One deployment: which versions run, and what its author said about it. */
export interface Deployment {
  readonly id: string;
  readonly shares: readonly Share[];
  /** The author's message; empty without one. */
  readonly message: string;
}

/** The Worker's state. */
export interface WorkerLook {
  /** Newest upload first: the newest ones, those of the newest deployments and those that were asked for. Never all there are. */
  readonly versions: readonly WorkerVersion[];
  /** Newest first; as many as the platform tells. */
  readonly deployments: readonly Deployment[];
  /** Shares of the newest deployment; empty before the first. */
  readonly deployment: readonly Share[];
  /** Kid by version id, as the version itself reports it; only versions of the deployment can be asked. */
  readonly observed: Readonly<Record<string, string | null>>;
}

/** The Worker. */
export interface WorkerTarget {
  readonly name: string;
  /** Does the script exist, and does its latest version hold the GATEWAY_SECRET binding? */
  names(): Promise<{ readonly exists: boolean; readonly secret: boolean }>;
  /**
   * @param known versions that the journal names: they are asked by id, however many were uploaded since.
   * @throws {McpistError} ERR_TIMEOUT when a deployed version does not answer; within a given time it is left out of `observed` instead.
   */
  look(known?: readonly string[], options?: LookOptions): Promise<WorkerLook>;
  /** The deployments alone, newest first: one call. */
  deployments(): Promise<readonly Deployment[]>;
  /** What the version with the larger share is bound to; null before the first deployment. */
  bound(): Promise<BoundVersion | null>;
  /** Uploads the latest uploaded version again with another secret; does not deploy it. @returns the new version's id. */
  upload(value: string, annotation: Annotation, guard: Guard): Promise<string>;
  /**
   * Uploads the code of `from` again with this gateway secret, everything else inherited by id; one call, which does not deploy it. For
   * an emergency, which has no time for a program to start. @returns the new version's id.
   */
  arm(from: WorkerVersion, value: string, annotation: Annotation, guard: Guard): Promise<string>;
  /**
   * Uploads the code of `from` again, its bindings inherited by id, the secret from `secretFrom` (default: `from`); does not
   * deploy it. @returns the new version's id.
   */
  reupload(
    from: WorkerVersion,
    annotation: Annotation | null,
    guard: Guard,
    secretFrom?: WorkerVersion,
  ): Promise<string>;
  /**
   * Uploads the code of `from` again with another `MCPIST_CONFIG`; everything else, the secret too, is inherited by id. Does not
   * deploy it. @returns the new version's id.
   */
  reconfigure(from: WorkerVersion, config: string, annotation: Annotation | null, guard: Guard): Promise<string>;
  /**
   * Uploads the code of `from` again with these secrets written anew; everything else, the gateway secret too, is inherited by id. Does
   * not deploy it. @returns the new version's id.
   */
  bind(
    from: WorkerVersion,
    secrets: Readonly<Record<string, string>>,
    annotation: Annotation | null,
    guard: Guard,
  ): Promise<string>;
  /**
   * What the versions that get traffic say of these secrets. Cloudflare tells neither digest nor date of a secret: the stamp of each that
   * is bound everywhere is when any secret of the Worker was last written past a version upload (1970 = never).
   */
  secrets(names: readonly string[]): Promise<SecretsLook>;
  /**
   * Replaces the deployment. `recall`: a share names an old version that holds another secret, which Cloudflare refuses
   * (10220) unless forced; allowed at 0 % only, where it can reach nobody who does not ask for it. @returns its id.
   */
  deploy(
    versions: readonly Share[],
    message: string,
    guard: Guard,
    options?: { readonly recall: boolean },
  ): Promise<string>;
  /** Kid of the version that answers whoever asks the gateway without naming one; null = none answered. */
  answers(): Promise<string | null>;
  /** Lets version `versionId` ask origin `origin` with its own secret. Null when that version did not answer. */
  probe(versionId: string, origin: string): Promise<ProbeReport | null>;
}

/** A Worker version with what it is bound to; never the content of a secret. */
export interface BoundVersion {
  readonly versionId: string;
  /** Text of `MCPIST_CONFIG`; null when there is no such binding. */
  readonly config: string | null;
  /** Id of the KV namespace; null when there is no such binding. */
  readonly kvNamespace: string | null;
}

/** A version's part of the traffic. Unit: percent. */
export interface Share {
  readonly versionId: string;
  readonly percentage: number;
}

/** What a version made by a rotation says about itself. */
export interface Annotation {
  readonly kid: string;
  readonly from: string | null;
  readonly run: string;
  /** "own" = itself: its other secrets are of no other version. */
  readonly madeOf?: Source | "own";
}

/** GitHub's copy, from which a target can be restored. Write-only. */
export interface Vault {
  /** Fails early where a name in the configuration is wrong: everything else would look like a missing permission. */
  check(): Promise<void>;
  /**
   * Which slots exist and when each was last written, by the platform's clock.
   * @param maxAgeMs a reading of this run that is not older will do; default 5 s.
   */
  names(maxAgeMs?: number): Promise<Readonly<Record<SlotName, string | null>>>;
  write(values: SlotValues, guard: Guard): Promise<void>;
  /** Writes one of one's own. @returns GitHub's date of it. */
  put(name: string, value: string, guard: Guard): Promise<string>;
  /** GitHub's dates of these, of those that exist: it has nothing that could report more. */
  secrets(names: readonly string[]): Promise<SecretsLook>;
  writeLive(slot: SlotName, kid: string, guard: Guard): Promise<void>;
  /** `<slot>:<kid>`; null when the variable does not exist. Information only. */
  live(): Promise<string | null>;
}

/** Slots of GitHub as known from the journal; "unknown" when someone else wrote since. */
export type VaultSlots = Readonly<Record<SlotName, SlotReport | "unknown">>;

/** All targets of one environment. */
export interface Targets {
  readonly worker: WorkerTarget;
  readonly origins: readonly OriginTarget[];
  readonly vault: Vault;
}

/** Everything that a session is connected to. */
export interface Platforms {
  readonly targets: Targets;
  readonly store: GitStore;
}

/** Git objects as far as the journal needs them. */
export interface GitStore {
  /** Tip of the rotation ref and the platform's present time; null when the ref does not exist. */
  readRef(): Promise<{ readonly sha: string } | null>;
  /** @returns false when the ref exists already. */
  createRef(sha: string): Promise<boolean>;
  /** @returns false when `sha` is not a descendant of the tip. */
  updateRef(sha: string): Promise<boolean>;
  createCommit(message: string, parents: readonly string[]): Promise<{ readonly sha: string; readonly date: string }>;
  readCommit(
    sha: string,
  ): Promise<{ readonly message: string; readonly parents: readonly string[]; readonly date: string }>;
  /** Is the workflow run over? "unknown" when it cannot be told. */
  workflowRun(id: string): Promise<"over" | "alive" | "unknown">;
  /** The platform's present time, from the newest answer. Unit: milliseconds since 1970. */
  serverTime(): number;
}
