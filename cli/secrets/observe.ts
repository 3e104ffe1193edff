/** One look at everything: platforms, instances, journal. Reads only; all of them in parallel. */
import { isKid } from "../../contract/gateway-secret.ts";
import { McpistError } from "../errors.ts";
import type { GitStore, OriginLook, Targets, VaultSlots, WorkerLook } from "../targets/types.ts";
import { lostUnder } from "./deployments.ts";
import type { Journal } from "./journal.ts";
import type { Observation } from "./observation.ts";

/** What this run has seen itself. */
export interface Evidence {
  probedVersion: string | null;
  /** A kid, and the newest deployment under which it was drained: what anybody deploys later may bring it back. */
  drained: { readonly kid: string; readonly deployment: string | null } | null;
}

const NO_WORKER: WorkerLook = { versions: [], deployments: [], deployment: [], observed: {} };

const NO_VAULT = { a: null, b: null } as const;
const SOME_SECRET = { exists: true, secret: true } as const;
const SOME_SLOT = { slots: ["a"], legacy: false } as const;

/** GitHub's silence does not keep a leaked secret alive. */
function silent(journal: Journal, error: unknown): typeof NO_VAULT {
  if (journal.goesOnWithoutGithub && error instanceof McpistError) return NO_VAULT;
  throw error;
}

/** What is nobody's silence: a token that is refused, and this machine's own faults. Interrupts are no errors of ours at all. */
const STOPS: ReadonlySet<string> = new Set(["ERR_UNAUTHORISED", "ERR_MACHINE"]);

/** What stops a run is thrown on; everything else makes one party blind. */
export function reasonOf(error: unknown): string {
  if (error instanceof McpistError && !STOPS.has(error.code)) return error.message;
  throw error;
}

/** A token that one platform refuses must not keep a leaked secret alive at the others. */
const hurriedReasonOf = (error: unknown): string =>
  error instanceof McpistError && error.code === "ERR_UNAUTHORISED" ? error.message : reasonOf(error);

/** A platform that has nothing of that name is known to run nothing; one that is silent is not. */
const absence = (error: unknown): { readonly absent?: true } =>
  error instanceof McpistError && error.code === "ERR_NOT_FOUND" ? { absent: true } : {};

/** GitHub's slots: what the journal acknowledged, unless somebody wrote later or a name is missing. */
function vaultSlots(journal: Journal, updatedAt: Readonly<Record<"a" | "b", string | null>>): VaultSlots {
  const { vault } = journal.state;
  const slot = (name: "a" | "b") => {
    const writtenAt = updatedAt[name];
    if (writtenAt === null) return null;
    if (journal.tip === null || vault.ackAt === null) return "unknown" as const;
    return Date.parse(writtenAt) > Date.parse(vault.ackAt)
      ? ("unknown" as const)
      : (vault[name] ?? ("unknown" as const));
  };
  return { a: slot("a"), b: slot("b") };
}

/** While a run only waits, GitHub is asked so often. Unit: milliseconds. */
const WAITING_MS = 60_000;
/** A run that holds the lock asks for the tip before each write; a look needs it only to end a run that has lost it. Unit: milliseconds. */
const TIP_MS = 30_000;

/** How to look. */
export interface Looking {
  /** Worker versions that are asked by id. */
  readonly known?: readonly string[];
  /** Nothing is decided but to wait on. */
  readonly waits?: boolean;
  /**
   * For the beginning of an emergency: who does not answer within this time is not seen, GitHub's slots are not asked for, and every
   * party is taken to have a secret. Unit: milliseconds.
   */
  readonly withinMs?: number;
}

/** Looks at all targets once. @throws {McpistError} ERR_UNAUTHORISED, ERR_LOCK_LOST, or when GitHub cannot be read. */
export async function observe(
  targets: Targets,
  journal: Journal,
  store: Pick<GitStore, "serverTime">,
  evidence: Evidence,
  { known = [], waits = false, withinMs }: Looking = {},
): Promise<Observation> {
  // First, because it names versions that no list may hold any more.
  await journal.read(waits ? WAITING_MS : TIP_MS);
  const { lastSender } = journal.state;
  const versions = lastSender === undefined ? known : [...known, lastSender];
  const origins = targets.origins.filter((origin) => origin.state !== "quarantined");
  const hurried = withinMs !== undefined;
  const within = hurried ? { withinMs } : {};
  const reason = hurried ? hurriedReasonOf : reasonOf;
  const [workerNames, worker, originNames, looks, vaultNames] = await Promise.all([
    hurried ? SOME_SECRET : targets.worker.names(),
    targets.worker.look(versions, within).then(
      (look) => ({ look, blind: null as string | null }),
      (error: unknown) => ({ look: NO_WORKER, blind: reason(error) }),
    ),
    Promise.all(
      origins.map((origin) =>
        hurried
          ? Promise.resolve(SOME_SLOT)
          : origin.names().catch((error: unknown) => (reasonOf(error), { slots: [], legacy: false })),
      ),
    ),
    Promise.all(
      origins.map((origin) =>
        origin
          .look(within)
          .catch((error: unknown): OriginLook => ({ ok: false, reason: reason(error), ...absence(error) })),
      ),
    ),
    journal.detached || hurried
      ? NO_VAULT
      : targets.vault.names(waits ? WAITING_MS : undefined).catch((error: unknown) => silent(journal, error)),
  ]);
  const { state } = journal;
  const since = state.candidate?.since;
  const newest = worker.look.deployments[0]?.id ?? null;
  return {
    names: {
      present: [
        ...(workerNames.secret ? ["worker"] : []),
        ...origins
          .filter((_, i) => (originNames[i]?.slots.length ?? 0) > 0 || originNames[i]?.legacy === true)
          .map((origin) => origin.name),
        ...(vaultNames.a !== null || vaultNames.b !== null ? ["github"] : []),
      ],
    },
    worker: { ...worker.look, blind: worker.blind, lost: lostUnder(worker.look.deployments, state.deploying ?? null) },
    origins: origins.map((origin, i) => ({
      name: origin.name,
      state: origin.state,
      look: looks[i] ?? { ok: false, reason: "not observed" },
    })),
    vault: vaultSlots(journal, vaultNames),
    journal: {
      dead: state.dead.filter(isKid),
      proven: state.proven,
      abandoned: state.abandoned,
      running: journal.heldByAnother || journal.ownsCandidate,
      candidateAgeMs: since ? Math.max(0, store.serverTime() - Date.parse(since)) : null,
      initUnfinished: state.init === "unfinished",
      emergency: state.emergency ?? null,
      live: state.live?.kid ?? null,
    },
    evidence: {
      probedVersion: evidence.probedVersion,
      drainedKid: evidence.drained?.deployment === newest ? evidence.drained.kid : null,
    },
  };
}
