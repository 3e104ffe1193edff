/**
 * Puts one of the secrets beside the gateway secret: value, then mark, then a rollout, then proof by every instance. At the Worker both
 * are one version, which gets the traffic and is asked. What a crash leaves in between is off by the marks, and the same command again
 * ends it.
 */
import { markVariable } from "../../contract/marks.ts";
import type { SecretSpec } from "../../contract/secret-names.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { OriginTarget } from "../targets/types.ts";
import { standingOf, type Held, type Standing } from "./marks.ts";
import { allSettled, type Run } from "./run.ts";
import { changeWorker } from "./worker-change.ts";

/** How the secret stands at one origin, at the Worker or at GitHub at the end. */
export interface Placed {
  readonly target: string;
  readonly standing: Standing;
}

/** Rollouts are over when this is asked, so only the platform's routing may still lag. Unit: milliseconds. */
const PROOF_TIMEOUT_MS = 60_000;
const POLL_MS = 500;

/** What is put: a mark tells this write from every other. */
interface Put {
  readonly spec: SecretSpec;
  readonly value: string;
  readonly mark: string;
}

/** Writes to GitHub, and value and mark to every store of origins, once where origins share one. @returns the platforms' stamps. */
async function writeEverywhere(run: Run, { spec, value, mark }: Put): Promise<Record<string, string>> {
  const { name, to } = spec;
  const stores = to.includes("origins") ? Map.groupBy(run.origins, (origin) => origin.store) : new Map<string, never>();
  const stamps: Record<string, string> = {};
  const github = () =>
    run.step(`put ${name} at github`, async () => {
      run.touched = true;
      stamps["github"] = await run.targets.vault.put(name, value, run.journal.guard);
    });
  await allSettled([
    ...(to.includes("github") ? [github()] : []),
    ...[...stores.values()].map(([writer, ...others]: readonly OriginTarget[]) =>
      writer === undefined
        ? Promise.resolve()
        : run.step(`put ${name} at ${[writer, ...others].map((origin) => origin.name).join(", ")}`, async () => {
            run.touched = true;
            const stamp = await writer.put(name, value, mark, run.journal.guard);
            for (const origin of [writer, ...others]) stamps[origin.name] = stamp;
          }),
    ),
  ]);
  return stamps;
}

/** Asks everybody there until all report the mark, or it is clear that they will not. */
async function prove(run: Run, name: string, look: () => Promise<Held>): Promise<Standing> {
  const record = run.journal.state.puts?.[name];
  const deadline = run.context.monotonic() + PROOF_TIMEOUT_MS;
  let why = "its instances";
  let target = name;
  return run.context.waits.during(
    () => `${target}: ${why}`,
    async () => {
      for (;;) {
        const held = await look();
        target = held.name;
        const standing = standingOf(held, name, record);
        if (standing.kind !== "off" || run.context.monotonic() > deadline) return standing;
        ({ why } = standing);
        await run.context.sleep(POLL_MS);
      }
    },
  );
}

/** Rolls the origins out, one after another: a value with which an origin cannot start must not reach them all. */
async function rollOut(run: Run, name: string, used: boolean): Promise<readonly Placed[]> {
  const placed: Placed[] = [];
  for (const origin of run.origins) {
    const target = origin.name;
    if (!used || !(await origin.deployed())) {
      placed.push({ target, standing: { kind: "stored" } });
      continue;
    }
    try {
      await run.step(`roll out ${target}`, () => run.roll(origin, "rolling"));
    } catch (error) {
      throw stopped(error, name, run.origins, origin);
    }
    const look = async (): Promise<Held> => ({ name: target, look: await origin.look() });
    placed.push({ target, standing: await run.step(`prove ${name} at ${target}`, () => prove(run, name, look)) });
  }
  return placed;
}

/** A version of the deployed code with value and mark gets the traffic, and is asked. */
async function bindWorker(run: Run, { spec, value, mark }: Put): Promise<Placed> {
  const { name } = spec;
  const { worker } = run.targets;
  const look = async (): Promise<Held> => ({ name: "worker", place: "worker", look: await worker.secrets([name]) });
  await changeWorker(run, {
    name: `put ${name}`,
    what: name,
    end: `deploy ${name} at worker`,
    upload: async (live) => {
      // Its version was made before, and would bring back what it was made with.
      if (run.journal.state.candidate !== null)
        throw new McpistError("ERR_PHASE", "a rotation is unfinished, whose Worker version has not the new value", {
          hint: HINTS.rotate(),
        });
      const secrets = { [name]: value, [markVariable(name)]: mark };
      return (annotation) => worker.bind(live, secrets, annotation, run.journal.guard);
    },
  });
  const held = await look();
  await record(run, { spec, value, mark }, { worker: held.look.stamps?.[name] ?? "" });
  return { target: "worker", standing: await run.step(`prove ${name} at worker`, () => prove(run, name, look)) };
}

/** Adds what the platforms said of the secret to what the journal knows of this put. */
async function record(run: Run, { spec, mark }: Put, stamps: Readonly<Record<string, string>>): Promise<void> {
  const { name } = spec;
  const tip = await run.journal.record(`wrote ${name}`, { mark });
  const { puts } = run.journal.state;
  const all = { ...puts?.[name]?.stamps, ...stamps };
  await run.journal.record(`put ${name}`, { mark }, { puts: { ...puts, [name]: { mark, at: tip.date, stamps: all } } });
}

const isMissing = ({ standing }: Placed): boolean => standing.kind === "off" || standing.kind === "unknown";
const wordsOf = ({ target, standing }: Placed): string =>
  `${target} (${standing.kind === "off" || standing.kind === "unknown" ? standing.why : "rolled out"})`;

/**
 * The whole put, under the run's lock. @param used whether this configuration gives the secret to its origins at all.
 * @throws {McpistError} ERR_PARTIAL naming every party at which it is not proven, and why.
 */
export async function putSecret(run: Run, spec: SecretSpec, value: string, used: boolean): Promise<readonly Placed[]> {
  const { name, to } = spec;
  const put: Put = { spec, value, mark: run.context.randomBytes(8).toString("hex") };
  const { puts } = run.journal.state;
  const begun = { mark: put.mark, at: null, stamps: {} };
  await run.journal.record(`putting ${name}`, { mark: put.mark }, { puts: { ...puts, [name]: begun } });
  const stamps = await writeEverywhere(run, put);
  await record(run, put, stamps);
  const placed = [
    ...(to.includes("github")
      ? [{ target: "github", standing: { kind: "dated", at: stamps["github"] ?? "" } } as const]
      : []),
    ...(to.includes("origins") ? await rollOut(run, name, used) : []),
  ];
  // Last, because it may have to wait for a rotation that needs the origins.
  if (to.includes("worker"))
    placed.push(
      await bindWorker(run, put).catch((error: unknown) => {
        throw notBound(error, name, placed);
      }),
    );
  const missing = placed.filter(isMissing);
  if (missing.length === 0) return placed;
  throw new McpistError(
    "ERR_PARTIAL",
    `${name} is written and rolled out, and not proven at ${missing.map(wordsOf).join(", ")}`,
    { hint: HINTS.putAgain(name) },
  );
}

/** What went wrong at the Worker, with the others that have the secret already. */
function notBound(error: unknown, name: string, placed: readonly Placed[]): unknown {
  if (!(error instanceof McpistError) || placed.length === 0) return error;
  const have = placed.filter((one) => !isMissing(one)).map(({ target }) => target);
  return again(error, `${name} is at ${have.join(", ") || "nobody"}, and not at worker: ${error.message}`);
}

/** A rollout that failed ends the put before the next origin: the value may be what stopped it. */
function stopped(error: unknown, name: string, origins: readonly OriginTarget[], failed: OriginTarget): unknown {
  if (!(error instanceof McpistError)) return error;
  const left = origins.slice(origins.indexOf(failed)).map((origin) => origin.name);
  return again(error, `${name} is written, and not rolled out at ${left.join(", ")}: ${error.message}`);
}

const again = (cause: McpistError, message: string): McpistError =>
  new McpistError(cause.code, message, { hint: cause.advice, exitCode: cause.exitCode, cause });
