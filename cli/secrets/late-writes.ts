/**
 * After the lock was taken from a living run: no platform fences a write that is under way, so what it wrote last may appear until
 * its longest call must have ended. Until then everything is looked at again and again, and what appears is buried.
 */
import { acceptedKids } from "../../contract/slots.ts";
import { atEach, awaitDeath, isDead, onlyNew, replace, switchTo, type Emergency } from "./kill.ts";
import { kidOfVersion, latestVersion, sharing, versionById, type Observation } from "./observation.ts";
import { POLL_MS, type Run } from "./run.ts";

/** Between two looks. Unit: milliseconds. */
const LOOK_MS = 2 * POLL_MS;

/** True when all traffic is sent with the new secret. */
const sendsNew = ({ worker }: Observation, kid: string): boolean =>
  sharing(worker).length > 0 && sharing(worker).every(({ versionId }) => kidOfVersion(worker, versionId) === kid);

/**
 * Looks until `left` is over and nothing has appeared in the last look.
 * @param github writes GitHub's copy again.
 */
export async function buryLate(
  run: Run,
  emergency: Emergency,
  left: () => number,
  github: () => Promise<void>,
): Promise<void> {
  const seconds = (): number => Math.ceil(Math.max(0, left()) / 1000);
  run.report.note(`the run that held the lock may still be writing: looking for ${seconds()} s`);
  await run.waits(
    () => `the run that held the lock: its last writes may still land for ${seconds()} s`,
    () => look(run, emergency, left, github),
  );
  await run.journal.record("outlived the former holder", {}, { seizedAt: null });
}

async function look(run: Run, emergency: Emergency, left: () => number, github: () => Promise<void>): Promise<void> {
  const { kid } = emergency.secret;
  const bury = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    run.report.note(`${what} was written by the run that held the lock: written again`);
    await work();
  };
  for (;;) {
    const last = left() <= 0;
    const seen = await run.observe();
    let clean = true;
    await atEach(run, emergency, async (origin) => {
      const look = seen.origins.find(({ name }) => name === origin.name)?.look;
      if (!look?.ok || isDead(origin, look, emergency)) return;
      clean = false;
      // An instance that is only on its way, or a configuration that is not proven yet, is nobody's write.
      const kids = [...look.instances.map((instance) => instance.kids), ...(look.config ? [look.config] : [])];
      if (look.config !== null && kids.every((held) => acceptedKids(held).join() === kid)) return;
      await bury(origin.name, () => replace(run, origin, onlyNew(emergency), { gentleUntil: 0 }));
      await awaitDeath(run, origin, emergency);
    });
    const { version } = emergency;
    if (version !== null && seen.worker.blind === null) {
      if (!sendsNew(seen, kid)) {
        clean = false;
        emergency.before = seen;
        await bury("the Worker's deployment", () => switchTo(run, emergency, version));
      }
      const [latest, mine] = [latestVersion(seen.worker), versionById(seen.worker, version)];
      if (
        latest &&
        mine &&
        latest.number > mine.number &&
        latest.annotatedKid !== null &&
        latest.annotatedKid !== kid
      ) {
        clean = false;
        const annotation = { kid, from: emergency.leaked, run: run.journal.run };
        await bury("a Worker version", () => run.targets.worker.reupload(mine, annotation, run.journal.guard));
      }
    }
    if (!run.journal.detached && (seen.vault.a === "unknown" || seen.vault.b === "unknown")) {
      clean = false;
      await bury("GitHub", github);
    }
    if (last && clean) break;
    await run.context.sleep(LOOK_MS);
  }
}
