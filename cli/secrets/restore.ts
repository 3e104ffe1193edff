/**
 * Refills a target that has lost its slots, from the environment of a workflow job. It may fill a hole; it may not change the
 * set of secrets that is accepted, which is the only rule for such a command that keeps traffic alive.
 */
import { isKid, parseSlot, SLOT_VARIABLES, type SlotName } from "../../contract/gateway-secret.ts";
import { acceptedKids, type KidsReport } from "../../contract/slots.ts";
import { McpistError } from "../errors.ts";
import type { Hint } from "../hints/hint.ts";
import { HINTS } from "../hints/hints.ts";
import type { SlotValues } from "../targets/types.ts";
import { liveVersion, losesAtColdStart, sentKids, slotAtOrigins, type Observation } from "./observation.ts";
import { phaseOf, type Phase } from "./phase.ts";
import { ACTIONS } from "./phases/actions.ts";
import type { Run } from "./run.ts";
import { Secret } from "./secret.ts";
import { typedName } from "../redact.ts";

/** The values of the job, with what an instance would report for them. */
interface Given {
  readonly values: SlotValues;
  readonly kids: { readonly a: string; readonly b: string };
  readonly secrets: Readonly<Partial<Record<SlotName, Secret>>>;
}

/** What to do where a slot is not given. In a workflow job of the environment that means that GitHub does not hold it. */
function withoutValue({ context }: Run, target: string): Hint {
  if (context.env["GITHUB_ACTIONS"] !== "true") return HINTS.workflowJob();
  return target === "worker" ? HINTS.workerLost() : HINTS.lostAtGithub(target);
}

async function given(run: Run, target: string): Promise<Given> {
  const secrets: Partial<Record<SlotName, Secret>> = {};
  const values: Partial<Record<SlotName, string>> = {};
  const kids: Partial<Record<SlotName, string>> = {};
  for (const slot of ["a", "b"] as const) {
    const text = run.context.env[SLOT_VARIABLES[slot]];
    const parsed = parseSlot(text);
    if (text === undefined || parsed.kind === "unset" || parsed.kind === "invalid") {
      throw new McpistError("ERR_SECRET_SHAPE", `${SLOT_VARIABLES[slot]} is ${parsed.kind} in this job's environment`, {
        hint: withoutValue(run, target),
      });
    }
    values[slot] = text;
    if (parsed.kind === "revoked") kids[slot] = `revoked:${parsed.kid}`;
    else {
      const secret = await Secret.parse(text, run.context.redactor);
      if (!secret) throw new TypeError("a valid slot holds a valid secret");
      secrets[slot] = secret;
      kids[slot] = secret.kid;
    }
  }
  return { values, kids: { a: kids.a ?? "", b: kids.b ?? "" }, secrets };
}

/** @throws {McpistError} ERR_REFUSED for a value that an emergency is about to kill. */
function notLeaked({ journal }: Run, { kids }: Given): void {
  const { emergency } = journal.state;
  if (!emergency || (kids.a !== emergency.kid && kids.b !== emergency.kid)) return;
  throw new McpistError(
    "ERR_REFUSED",
    `this job holds ${emergency.kid}, which leaked: an emergency for it began and has not ended`,
    { hint: HINTS.emergencyAgain(emergency.mode) },
  );
}

const setOf = (kids: KidsReport): string => acceptedKids(kids).toSorted().join(", ");

/** The accepted set that all other pool origins agree on; without peers, what the journal recorded. */
function wanted(run: Run, observation: Observation, target: string): string {
  const peers = observation.origins.filter((origin) => origin.name !== target && origin.state === "pool");
  const reports = peers.flatMap((origin) => {
    if (!origin.look.ok)
      throw new McpistError(
        "ERR_REFUSED",
        `${origin.name} cannot be observed either (${origin.look.reason}), so nothing says what to restore`,
        { hint: HINTS.oneOriginFirst(origin.name) },
      );
    return [
      ...origin.look.instances.map((instance) => instance.kids),
      ...(origin.look.config ? [origin.look.config] : []),
    ];
  });
  const sets = [...new Set(reports.map(setOf))];
  const [set] = sets;
  if (sets.length > 1)
    throw new McpistError("ERR_REFUSED", `the other origins disagree (${sets.join(" / ")}): a rotation is under way`, {
      hint: HINTS.cleanFirst(),
    });
  if (set !== undefined) return set;
  const { vault } = run.journal.state;
  return [vault.a, vault.b]
    .filter((slot): slot is string => slot !== null && isKid(slot))
    .toSorted()
    .join(", ");
}

/** Restores an origin by name, or the Worker as `worker`. @throws {McpistError} ERR_REFUSED when it is no hole. */
export async function restore(run: Run, name: string): Promise<Phase> {
  const observation = await run.observe();
  const phase = phaseOf(observation);
  // Where an uploaded version carries what the origins accept, its secret is inherited and no value is needed.
  if (name === "worker" && phase.name === "ASTRAY" && phase.versions.length > 0) {
    await ACTIONS.rearm.run(run, observation, phase);
    return phaseOf(await run.observe());
  }
  const job = await given(run, name);
  notLeaked(run, job);
  try {
    if (name === "worker") await restoreWorker(run, observation, job);
    else if (isForked(phase, name)) await refill(run, observation, job, { name, sent: sentKids(observation.worker) });
    else if (phase.live !== null && isLosing(observation, name, phase.live))
      await refill(run, observation, job, { name, sent: [phase.live] });
    else await restoreOrigin(run, observation, job, name);
  } finally {
    for (const secret of Object.values(job.secrets)) secret.wipe();
  }
  return phaseOf(await run.observe());
}

/** It refuses what the Worker sends: with the live secret in its slot it accepts that, whatever else it holds. */
const isForked = ({ name, targets }: Phase, origin: string): boolean => name === "FORKED" && targets.includes(origin);

/** Every instance still accepts the live secret, and the next start would not find it. */
function isLosing({ origins }: Observation, name: string, live: string): boolean {
  const origin = origins.find((candidate) => candidate.name === name);
  if (!origin?.look.ok || !losesAtColdStart(origin, live)) return false;
  return acceptsAtAll(origin.look.instances, live);
}

const acceptsAtAll = (instances: readonly { readonly kids: KidsReport }[], kid: string): boolean =>
  instances.every(({ kids }) => acceptedKids(kids).includes(kid));

/** A platform may need both names before it starts anything. What is not known to be gone is there. */
function hasSlot({ origins }: Observation, name: string, slot: SlotName): boolean {
  const look = origins.find((candidate) => candidate.name === name)?.look;
  return !look?.ok || look.slots === undefined || look.slots[slot] !== null;
}

/** The slot and the value of a secret; null where the job does not hold it. Origins that hold it say where it belongs. */
function placeOf(
  { origins }: Observation,
  { kids, values }: Given,
  kid: string,
): { readonly slot: SlotName; readonly value: string } | null {
  const held = (["a", "b"] as const).find((slot) => kids[slot] === kid);
  const value = held && values[held];
  return held === undefined || value === undefined ? null : { slot: slotAtOrigins(origins, kid) ?? held, value };
}

/** LOST, FORKED: what is sent is written, and what is not there at all. Whatever else is under way stays as it is. */
async function refill(
  run: Run,
  observation: Observation,
  job: Given,
  { name, sent }: { readonly name: string; readonly sent: readonly string[] },
): Promise<void> {
  const origin = run.origins.find((candidate) => candidate.name === name);
  if (!origin) throw new TypeError("an origin that loses a secret is one of the run's");
  const values: Partial<Record<SlotName, string>> = {};
  for (const slot of ["a", "b"] as const)
    if (!hasSlot(observation, name, slot)) Object.assign(values, { [slot]: job.values[slot] });
  for (const kid of sent) {
    const place = placeOf(observation, job, kid);
    if (!place)
      throw new McpistError(
        "ERR_REFUSED",
        `this job holds ${setOf(job.kids) || "no secret"}, and ${kid} is what is missing at ${name}`,
        { hint: HINTS.jobLacks() },
      );
    values[place.slot] = place.value;
  }
  await run.journal.record(`restoring ${name}`, { kids: sent.join(", ") });
  await run.step(`restore ${name} and roll out`, () => run.writeOrigin(origin, values, "rolling", "restored"));
  const look = await origin.look();
  const seen = { name, state: origin.state, look };
  const accepts = look.ok && look.instances.length > 0 && sent.every((kid) => acceptsAtAll(look.instances, kid));
  if (!accepts || sent.some((kid) => losesAtColdStart(seen, kid)))
    throw new McpistError("ERR_PARTIAL", `${name} does not hold ${sent.join(" and ")} yet`, { hint: HINTS.status() });
}

async function restoreOrigin(run: Run, observation: Observation, job: Given, name: string): Promise<void> {
  const origin = run.origins.find((candidate) => candidate.name === name);
  if (!origin)
    throw new McpistError("ERR_USAGE", `there is no such target${typedName(name)}`, {
      hint: HINTS.oneOf(["worker", ...run.origins.map((candidate) => candidate.name)]),
    });
  const set = wanted(run, observation, name);
  if (setOf(job.kids) !== set) {
    throw new McpistError(
      "ERR_REFUSED",
      `this job holds ${setOf(job.kids) || "no secret"}, but ${set || "nothing"} is accepted elsewhere: a restore may not change that`,
      {
        hint: HINTS.newJob(),
      },
    );
  }
  const look = observation.origins.find((candidate) => candidate.name === name)?.look;
  const present = look?.ok
    ? [...new Set(look.instances.map((instance) => setOf(instance.kids)).filter((kids) => kids !== ""))]
    : [];
  if (present.some((kids) => kids !== set)) {
    throw new McpistError("ERR_REFUSED", `${name} accepts ${present.join(" / ")} and is not a hole`, {
      hint: HINTS.status(),
    });
  }
  await run.journal.record(`restoring ${name}`);
  await run.step(`restore ${name} and roll out`, () => run.writeOrigin(origin, job.values, "rolling", "restored"));
  const after = await origin.look();
  if (!after.ok || after.instances.some((instance) => setOf(instance.kids) !== set)) {
    throw new McpistError("ERR_PARTIAL", `${name} does not accept ${set} yet`, { hint: HINTS.status() });
  }
}

async function restoreWorker(run: Run, observation: Observation, job: Given): Promise<void> {
  const accepted = wanted(run, observation, "worker").split(", ");
  const live = liveVersion(observation.worker);
  const sends = live ? observation.worker.observed[live.id] : null;
  if (typeof sends === "string" && accepted.includes(sends)) {
    throw new McpistError("ERR_REFUSED", `the Worker sends ${sends}, which is accepted: it is not a hole`, {
      hint: HINTS.status(),
    });
  }
  const candidates = Object.values(job.secrets).filter((secret) => accepted.includes(secret.kid));
  const secret =
    candidates.find((candidate) => candidate.kid === run.journal.state.live?.kid) ??
    (candidates.length === 1 ? candidates[0] : undefined);
  if (!secret) {
    throw new McpistError(
      "ERR_REFUSED",
      `this job holds ${setOf(job.kids) || "no secret"}; the origins accept ${accepted.join(", ") || "nothing"}`,
      { hint: HINTS.newJob() },
    );
  }
  await run.journal.record("restoring worker", { kid: secret.kid });
  const annotation = { kid: secret.kid, from: live?.annotatedFrom ?? null, run: run.journal.run };
  const id = await run.step("upload the Worker version", () =>
    run.targets.worker.upload(secret.reveal(), annotation, run.journal.guard),
  );
  run.touched = true;
  await run.step("deploy the Worker version", () =>
    run.deployOver({
      believed: observation.worker.deployments[0]?.id ?? null,
      shares: [{ versionId: id, percentage: 100 }],
      message: `mcpist restore kid=${secret.kid}`,
    }),
  );
  await run.journal.record("restored worker", { kid: secret.kid, version: id });
}
