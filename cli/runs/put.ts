/** `mcpist secrets put NAME`: one of the other secrets, from stdin or a prompt without echo, to every target that needs it. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { neededSecrets, SECRETS, secretSpecs, type SecretSpec } from "../../contract/secret-names.ts";
import { OWN_SECRET_NAME } from "../../contract/servers.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { loadEnvironment } from "../load-config.ts";
import { printJson, Progress, printProse } from "../output.ts";
import { putSecret, type Placed } from "../secrets/put.ts";
import { openSession, type CommonFlags } from "../session.ts";
import { runLocked } from "./locked.ts";
import { withMissingSecret } from "./missing-secret.ts";
import { checkSteal, takeLock, type LockFlags } from "./take-lock.ts";
import { typedName } from "../redact.ts";

/** Unit: bytes. */
const MAX_VALUE = 48_000;
/** What a Worker's secret may have at most, by Cloudflare's page on limits (5 KB). Unit: bytes. */
const MAX_WORKER_VALUE = 5120;

async function readStdin(context: Context): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of context.stdin) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > MAX_VALUE)
      throw new McpistError("ERR_SECRET_SHAPE", `the value is longer than ${MAX_VALUE} bytes`, {
        hint: HINTS.valueAgain(),
      });
    chunks.push(bytes);
  }
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

/** A prompt that shows nothing of what is typed. @throws {McpistError} ERR_INTERRUPTED on Ctrl-C, ERR_SECRET_SHAPE when the input ends. */
async function ask(context: Context, name: string): Promise<string> {
  const mute = new Writable({ write: (_chunk, _encoding, done) => done() });
  context.stderr.write(`${name}: `);
  const prompt = createInterface({ input: context.stdin, output: mute, terminal: true });
  // A terminal in raw mode sends Ctrl-C as a key, not as a signal; an input that ends would leave the question open for ever.
  const ended = new Promise<never>((_resolve, reject) => {
    prompt.once("SIGINT", () =>
      reject(new McpistError("ERR_INTERRUPTED", "interrupted: nothing was sent", { hint: HINTS.interrupted() })),
    );
    prompt.once("close", () =>
      reject(
        new McpistError("ERR_SECRET_SHAPE", `${name} was not given: nothing was sent`, { hint: HINTS.putPiped(name) }),
      ),
    );
  });
  try {
    return await Promise.race([prompt.question("", { signal: context.signal }), ended]);
  } finally {
    ended.catch(() => undefined);
    prompt.close();
    context.stderr.write("\n");
  }
}

function specOf(specs: readonly SecretSpec[], name: string): SecretSpec {
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec) return spec;
  throw new McpistError("ERR_USAGE", `there is no such secret${typedName(name)}`, {
    hint: HINTS.secretNames(specs.map((candidate) => candidate.name)),
  });
}

/** "fly (2 instances)"; the name alone where nothing runs yet, or nothing uses it. */
const wordsOf = ({ target, standing }: Placed): string => {
  if (standing.kind === "dated") return `${target} (dated ${standing.at}, which is all that GitHub tells)`;
  if (standing.kind !== "proven") return target;
  const what = target === "worker" ? "version" : "instance";
  return `${target} (${standing.instances} ${what}${standing.instances === 1 ? "" : "s"})`;
};

/** A rollout that did not come to its end; a refused write is another matter. */
const isRollout = ({ message }: McpistError): boolean => message.includes("not rolled out at");

/** The command. */
export async function runPut(
  context: Context,
  flags: CommonFlags & LockFlags & { readonly name: string; readonly generate: boolean },
): Promise<ExitCode> {
  checkSteal(context, flags);
  // What can be no name needs no configuration; one's own names are in it, and a wrong one is told before any token is looked for.
  if (!OWN_SECRET_NAME.test(flags.name)) specOf(SECRETS, flags.name);
  const { environment } = await loadEnvironment(context, flags.env, flags.config);
  const spec = specOf(secretSpecs(environment), flags.name);
  const session = await openSession(context, flags);
  let value: string;
  if (flags.generate) {
    value = context.randomBytes(32).toString("hex");
    if (!spec.shape.test(value))
      throw new McpistError("ERR_USAGE", `${spec.name} cannot be generated: it is ${spec.shapeText}`, {
        hint: HINTS.putFile(spec.name),
      });
  } else value = context.stdin.isTTY === true ? await ask(context, spec.name) : await readStdin(context);
  context.redactor.register(value);
  if (!spec.shape.test(value)) {
    throw new McpistError(
      "ERR_SECRET_SHAPE",
      value === ""
        ? `${spec.name} is empty: nothing was sent`
        : `${spec.name} is not ${spec.shapeText}: nothing was sent`,
      {
        hint: HINTS.putPiped(spec.name),
      },
    );
  }

  const fault = spec.faultOf?.(value) ?? null;
  if (fault !== null)
    throw new McpistError("ERR_SECRET_SHAPE", `${spec.name} ${fault}: nothing was sent`, {
      hint: HINTS.databaseAddress(),
    });

  // Before anybody is written: the Worker comes last, and refuses it for ever.
  if (spec.to.includes("worker") && Buffer.byteLength(value) > MAX_WORKER_VALUE)
    throw new McpistError(
      "ERR_SECRET_SHAPE",
      `${spec.name} is longer than the ${MAX_WORKER_VALUE} bytes that a Worker takes: nothing was sent`,
      { hint: HINTS.putPiped(spec.name) },
    );

  const progress = new Progress(context, flags);
  const needed = neededSecrets(session.environment);
  const { failure, value: placed } = await runLocked(context, session, progress, async (run) => {
    await takeLock(session, run, flags);
    return putSecret(run, spec, value, needed.includes(spec.name)).catch(async (error: unknown) => {
      // Where several were forgotten, an origin starts with the last of them.
      throw await withMissingSecret(session, error, () => run.observe(), isRollout);
    });
  });
  if (failure) throw failure;
  const targets = (placed ?? []).map(({ target }) => target);
  if (flags.json)
    printJson(context, {
      command: "secrets put",
      environment: session.name,
      ok: true,
      exitCode: EXIT.done,
      name: spec.name,
      targets,
      proof: Object.fromEntries((placed ?? []).map(({ target, standing }) => [target, standing])),
      steps: progress.steps,
    });
  else printProse(context, `done ${spec.name} is at ${(placed ?? []).map(wordsOf).join(", ")}\n`);
  return EXIT.done;
}
