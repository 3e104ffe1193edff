/**
 * A rotation that is killed at every call, as the platforms and the journal are then. Runs in this tree and, copied to the same
 * place, in that of another version: it may use only what the test kit of both has.
 *
 *   node test/versions/snapshots.ts     prints them, one JSON object a line
 */
import { FakeCloud } from "../../cli/test/fake-cloud.ts";
import { live } from "../../cli/test/fake-run.ts";

/** One moment, without what only this version's kit knows. */
export interface Snapshot {
  /** Event of the newest journal entry. */
  readonly event: string;
  readonly now: number;
  readonly origins: readonly unknown[];
  readonly versions: readonly unknown[];
  readonly deployment: readonly { readonly versionId: string; readonly percentage: number }[];
  readonly vault: unknown;
  readonly live: string | null;
  readonly ref: string | null;
  /** The newest commits alone: an entry carries what those before amount to. */
  readonly commits: readonly (readonly [sha: string, commit: unknown])[];
}

const KID = "00000000000000aa";
const ORIGINS = [
  { name: "koyeb", kind: "koyeb" },
  { name: "fly", kind: "fly" },
] as const;
/** More calls than any rotation makes. */
const MOST_CALLS = 400;

function snapshotOf(cloud: FakeCloud): Snapshot {
  const { now, origins, versions, vault, live: variable, ref, commits } = cloud;
  const deployment = cloud.deployment.map((share) => ({ ...share }));
  const message = commits.get(ref ?? "")?.message ?? "";
  const event = /^mcpist: (.*)$/m.exec(message)?.[1]?.replace(/[0-9a-f]{16}/, "KID") ?? "";
  const kept = [...commits].filter(([sha]) => sha === ref || commits.get(ref ?? "")?.parents.includes(sha) === true);
  return structuredClone({ event, now, origins, versions, deployment, vault, live: variable, ref, commits: kept });
}

/** One snapshot for each state of the journal and of the deployment in which a run can die. */
export async function snapshots(): Promise<readonly Snapshot[]> {
  const found = new Map<string, Snapshot>();
  for (let call = 1; call < MOST_CALLS; call++) {
    const cloud = new FakeCloud({ origins: ORIGINS }).steady(KID).withJournal();
    cloud.fault = (number) => (number === call ? "kill-after" : null);
    const { kind } = await live(cloud, { id: "old" });
    cloud.fault = () => null;
    // Edges and rollouts have settled, as they have when somebody looks.
    cloud.pass(10_000);
    const snapshot = snapshotOf(cloud);
    found.set(`${snapshot.event} ${JSON.stringify(snapshot.deployment)}`, snapshot);
    if (kind === "done") break;
  }
  return [...found.values()];
}

/** A cloud in which that is so. */
export function cloudOf(snapshot: Snapshot): FakeCloud {
  const { now, origins, versions, deployment, vault, live: variable, ref, commits } = structuredClone(snapshot);
  const cloud = new FakeCloud({ origins: ORIGINS, seed: 7 });
  Object.assign(cloud, { now, origins, versions, vault, live: variable, ref });
  cloud.deployment = deployment.map((share) => ({ ...share }));
  const [newest] = versions as readonly { readonly etag: string }[];
  cloud.code = newest?.etag ?? cloud.code;
  for (const [sha, commit] of commits) cloud.commits.set(sha, commit as never);
  return cloud;
}

if (import.meta.main) for (const snapshot of await snapshots()) process.stdout.write(`${JSON.stringify(snapshot)}\n`);
