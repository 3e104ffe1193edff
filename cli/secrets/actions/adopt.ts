/** LEGACY: the live value moves from a lone GATEWAY_SECRET into slot A. The accepted set does not change. */
import { ZERO_TOMBSTONE } from "../../../contract/gateway-secret.ts";
import { McpistError } from "../../errors.ts";
import { HINTS } from "../../hints/hints.ts";
import type { Observation } from "../observation.ts";
import type { Phase } from "../phase.ts";
import { refusal } from "../phases/table.ts";
import { allSettled, type Run } from "../run.ts";
import { Secret } from "../secret.ts";

/** Writes the old value from the job's environment to slot A and the zero tombstone to B everywhere, then rolls out. */
export async function adopt(run: Run, _observation: Observation, phase: Phase): Promise<void> {
  const text = run.context.env["GATEWAY_SECRET"];
  const secret = text === undefined ? null : await Secret.parse(text, run.context.redactor);
  if (!secret) throw refusal(phase);
  if (secret.kid !== phase.live) {
    throw new McpistError(
      "ERR_SECRET_SHAPE",
      `GATEWAY_SECRET in this job has kid ${secret.kid}, but the Worker sends ${phase.live ?? "nothing"}`,
      {
        hint: HINTS.jobValue(),
      },
    );
  }
  const values = { a: secret.reveal(), b: ZERO_TOMBSTONE };
  await run.journal.record("adopting", { kid: secret.kid });
  await allSettled([
    run.step("adopt at GitHub", () => run.writeVault(values, { a: secret.kid, b: ZERO_TOMBSTONE })),
    ...run.origins.map((origin) =>
      run.step(`adopt at ${origin.name} and roll out`, () => run.writeOrigin(origin, values, "rolling", "adopted")),
    ),
  ]);
  secret.wipe();
  await run.journal.record("adopted", { kid: secret.kid }, { init: "done" });
}
