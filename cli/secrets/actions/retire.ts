/** Steps 13 to 16: tombstone the old secret everywhere, then prove through the old Worker version that it is dead. */
import { otherSlot, tombstone } from "../../../contract/gateway-secret.ts";
import { McpistError } from "../../errors.ts";
import { HINTS } from "../../hints/hints.ts";
import type { WorkerVersion } from "../../targets/types.ts";
import { kidOfVersion, liveVersion, slotAtOrigins, type Observation } from "../observation.ts";
import type { Phase } from "../phase.ts";
import { allSettled, POLL_MS, VERIFY_TIMEOUT_MS, type Run } from "../run.ts";
import { holdingLive, liveSlot } from "./stage.ts";

/** Point of no return: from here the old secret cannot come back. Done once per run; later looks only wait. */
export async function retire(run: Run, observation: Observation, phase: Phase): Promise<void> {
  const { live, other } = phase;
  if (live === null || other === null) throw new TypeError("retiring needs an old and a live kid");
  if (run.retiredKid === other) {
    await run.context.sleep(250);
    return;
  }
  await run.stillDeployed(observation.worker.deployments[0]?.id ?? null);
  const old = otherSlot(liveSlot(observation, live));
  const gone = tombstone(other);
  run.result.from ??= { slot: old, kid: other };
  run.result.to ??= { slot: otherSlot(old), kid: live };
  run.report.note(`point of no return: ${other} retires now, ${live} stays`);
  await run.journal.record("retiring", { kid: other, slot: old }, { retired: other, proven: false });
  await allSettled([
    run.step("retire at GitHub", () => run.writeVault({ [old]: gone }, { [old]: gone })),
    ...holdingLive(run, observation, live).map((origin) =>
      run.step(`retire at ${origin.name} and roll out`, () =>
        run.writeOrigin(origin, { [old]: gone }, "rolling", "retired"),
      ),
    ),
  ]);
  run.retiredKid = other;
}

/** The version that sent `kid` last: it knows every origin that it routed to. Without a record, the newest one that carries it. */
function oldSender(run: Run, { worker }: Observation, kid: string | null): WorkerVersion | undefined {
  const { lastSender } = run.journal.state;
  const recorded = worker.versions.find(
    (version) => version.id === lastSender && (version.annotatedKid ?? kid) === kid,
  );
  return (
    recorded ?? worker.versions.find((version) => version.annotatedKid === kid || worker.observed[version.id] === kid)
  );
}

/** A run that was killed may not have come to it. In an emergency GitHub is no reason to stop, and was written before. */
async function sayLive(run: Run, { worker, origins }: Observation, live: WorkerVersion): Promise<void> {
  const kid = kidOfVersion(worker, live.id);
  const slot = kid === null ? null : slotAtOrigins(origins, kid);
  if (kid === null || slot === null || run.liveSaid === kid || run.journal.goesOnWithoutGithub) return;
  await run.writeLive(slot, kid);
}

/** How often each origin is asked, so that one that balances over several instances is met at most of them. */
const PROOF_PROBES = 3;

/** Sends the old secret through the real sender, held at 0 %: every origin must refuse it. */
export async function prove(run: Run, observation: Observation): Promise<void> {
  const live = liveVersion(observation.worker);
  if (!live) throw new TypeError("a proof needs a live version");
  const kid = run.journal.state.retired ?? live.annotatedFrom;
  const old = oldSender(run, observation, kid);
  if (kid === null) {
    run.journal.note("nothing to prove", {}, { proven: true });
    return;
  }
  await sayLive(run, observation, live);
  const alone = [{ versionId: live.id, percentage: 100 }];
  if (!old || old.aged === true) {
    // The sender's old version is gone (first secret of a foreign tool, pruned, or too old): tombstones everywhere are all the proof there is.
    const why = old
      ? `so many versions were uploaded since that Cloudflare no longer deploys the one with ${kid}`
      : `no Worker version holds ${kid} any more`;
    run.report.note(`${why}: its death is shown by every instance's report, not by a refused request`);
    for (const origin of run.origins) run.result.proof[origin.name] = "tombstone observed";
  } else {
    // A joining origin gets no traffic, and the old version may not even know it: its instances' own reports are the proof.
    const pool = run.origins.filter((origin) => origin.state === "pool");
    for (const origin of run.origins)
      if (!pool.includes(origin)) run.result.proof[origin.name] = "reported by its instances";
    const held = [...alone, { versionId: old.id, percentage: 0 }];
    await run.step("prove that the old secret is dead", async () => {
      const believed = observation.worker.deployments[0]?.id ?? null;
      const proof = await run.deploy({ believed, shares: held, message: `mcpist proof kid=${kid}`, recall: true });
      try {
        const sent = (await run.targets.worker.look()).observed[old.id];
        // A refusal proves something only of the secret that was really sent.
        if (sent !== kid)
          throw new McpistError("ERR_MISMATCH", `Worker version ${old.id} sends ${sent ?? "no secret"}, not ${kid}`, {
            hint: HINTS.history(),
          });
        await allSettled(
          pool.flatMap((origin) =>
            Array.from({ length: PROOF_PROBES }, async () => {
              const report = await run.until(
                `the proof at ${origin.name}`,
                VERIFY_TIMEOUT_MS,
                async () => {
                  await run.stillDeployed(proof, POLL_MS);
                  const answer = await run.targets.worker.probe(old.id, origin.name);
                  return answer?.observation?.accepted === undefined ? null : answer;
                },
                () => "the old Worker version did not get an answer from it",
              );
              if (report.observation?.accepted === false) {
                run.result.proof[origin.name] = "refused";
                return;
              }
              throw new McpistError("ERR_MISMATCH", `${origin.name} still accepts ${kid}`, {
                hint: HINTS.status(),
              });
            }),
          ),
        );
      } finally {
        await run.deploy({ believed: proof, shares: alone, message: "mcpist end of proof" });
      }
    });
  }
  run.journal.note(
    `dead ${kid}`,
    { kid },
    {
      dead: [kid, ...run.journal.state.dead.filter((dead) => dead !== kid)],
      proven: true,
      ...(run.journal.state.emergency?.kid === kid ? { emergency: null } : {}),
    },
  );
}
