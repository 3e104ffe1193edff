/** The value-free step back: a rotation whose candidate is the old secret. It changes no code. */
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { kidOfVersion, liveVersion } from "./observation.ts";
import { recordSwitch } from "./actions/switch.ts";
import { phaseOf, type Phase } from "./phase.ts";
import { rotate } from "./rotate.ts";
import { Moved, Overtook, type Run } from "./run.ts";

/** Somebody who deploys all the time is not outrun; the operator is told. */
const TRIES = 3;

/** Steps back and retires the secret that was stepped back from. @throws {McpistError} ERR_REFUSED once retirement has begun. */
export async function rollback(run: Run): Promise<Phase> {
  for (let tries = 1; ; tries++) {
    try {
      await stepBack(run);
      return await rotate(run, "rotate");
    } catch (error) {
      // What got lost under the switch is put back by the rotation that follows.
      if (error instanceof Overtook) return rotate(run, "rotate");
      if (!(error instanceof Moved)) throw error;
      if (tries === TRIES)
        throw new McpistError("ERR_PARTIAL", "somebody else keeps deploying the Worker", {
          hint: HINTS.again(),
          cause: error,
        });
      run.report.note("somebody deployed the Worker meanwhile: looking again");
    }
  }
}

async function stepBack(run: Run): Promise<void> {
  const observation = await run.observe();
  const phase = phaseOf(observation);
  const { live, other } = phase;
  const retired = run.journal.state.retired;
  if ((phase.name !== "LINGERING" && phase.name !== "DRAINED") || live === null || other === null) {
    const gone = phase.name === "RETIRED" || (phase.name === "STEADY" && retired !== null);
    throw new McpistError(
      "ERR_REFUSED",
      gone
        ? `${retired ?? "the previous secret"} was retired: going back would break all traffic`
        : `there is nothing to step back to (phase ${phase.name})`,
      {
        hint: phase.name === "STEADY" || gone ? HINTS.stepForward() : HINTS.stepClean(),
      },
    );
  }
  if (!phase.complete) {
    const refusing = observation.origins.flatMap((origin) => (origin.look.ok ? [origin.name] : []));
    throw new McpistError(
      "ERR_REFUSED",
      `${other} is refused by ${refusing.join(" or ")} since the retirement began; going back would break all traffic`,
      {
        hint: HINTS.finishRetirement(),
      },
    );
  }
  const deployed = liveVersion(observation.worker);
  const old = observation.worker.versions.find((version) => kidOfVersion(observation.worker, version.id) === other);
  if (!deployed || !old)
    throw new McpistError("ERR_REFUSED", `no Worker version holds ${other} any more`, {
      hint: HINTS.rotate(),
    });
  await run.journal.record("rolling back", { kid: other, from: live }, { lastSender: deployed.id });
  const annotation = { kid: other, from: live, run: run.journal.run };
  const id = await run.step("upload the deployed code with the previous secret", () =>
    run.targets.worker.reupload(deployed, annotation, run.journal.guard, old),
  );
  run.touched = true;
  await run.step("switch the Worker back", () =>
    run.deploy({
      believed: observation.worker.deployments[0]?.id ?? null,
      shares: [{ versionId: id, percentage: 100 }],
      message: `mcpist rollback kid=${other}`,
    }),
  );
  run.switched = true;
  run.switchedAt = run.context.monotonic();
  await recordSwitch(run, id, other, live);
}
