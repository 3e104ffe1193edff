/** Brings a sandbox from nothing to a working service in the order of a real bootstrap: base, first secret, service. */
import type { Environment } from "../../contract/config.ts";
import { accountsOf, joinedEnvironment } from "../../contract/rehearsal.ts";
import { SANDBOX_ENVIRONMENT } from "../../contract/sandbox.ts";
import type { Context } from "../context.ts";
import { loadWritten, type WrittenEnvironment } from "../load-config.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { Progress } from "../output.ts";
import { needPeers } from "../peers.ts";
import { modulesFolder, projectFolder, projectModules } from "../project.ts";
import { toolsOf } from "../../supabase/migrate/own-modules.ts";
import type { Sandbox, SandboxOptions } from "../../sandbox/start.ts";
import { reported } from "../reporter.ts";
import { openSession, type CommonFlags } from "../session.ts";
import { checkRoom } from "./room.ts";
import { runRotation } from "../runs/rotation.ts";

/** A sandbox and the context in which commands meet it. */
export interface LocalCloud {
  readonly sandbox: Sandbox;
  readonly environment: Environment;
  readonly name: string;
  /** As `context`, but with the sandbox's URLs and tokens as environment. */
  readonly inside: Context;
  readonly flags: CommonFlags;
}

/** Modules of the sandbox; absent where only the command line was installed. */
async function load() {
  needPeers("cloud");
  const [start, provision, servers, tools] = await Promise.all([
    import("../../sandbox/start.ts"),
    import("../../sandbox/provision.ts"),
    import("../../sandbox/servers.ts"),
    import("../../sandbox/own-tools.ts"),
  ]);
  return { ...start, ...provision, ...servers, ...tools };
}

/** What a local cloud runs. */
export interface LocalCloudOptions extends Omit<SandboxOptions, "log" | "rehearses"> {
  /** An environment of mcpist.config.ts; absent = the built-in one. */
  readonly rehearses?: WrittenEnvironment | undefined;
  /** True keeps that environment's own drain. */
  readonly ownDrain?: boolean | undefined;
}

/**
 * The environment that `--env` names for a local cloud; undefined = the built-in one, which has no file.
 * @throws {McpistError} as for every command that reads mcpist.config.ts.
 */
export const rehearsedBy = async (
  context: Context,
  flags: Pick<CommonFlags, "env" | "config">,
): Promise<WrittenEnvironment | undefined> =>
  flags.env === undefined || flags.env === SANDBOX_ENVIRONMENT
    ? undefined
    : rehearsed(context, flags.env, flags.config);

/** One environment of the file, its servers as this machine runs them. @param name absent = the only one @throws {McpistError}. */
export async function rehearsed(
  context: Context,
  name: string | undefined,
  config: string,
): Promise<WrittenEnvironment> {
  const written = await loadWritten(context, name, config);
  const { localServers } = await load();
  const { servers } = localServers(written.environment, projectFolder(context, { config }));
  return { ...written, settings: { ...(written.settings as object), servers } };
}

/** Starts the sandbox; everything is closed again when it fails or is interrupted. */
export async function startLocalCloud(
  context: Context,
  flags: CommonFlags,
  { rehearses, ownDrain = false, ...options }: LocalCloudOptions,
): Promise<LocalCloud> {
  const { startSandbox, admitOwnTools } = await load();
  await checkRoom();
  const own = rehearses ? toolsOf(await projectModules(context, flags)) : [];
  let sandbox: Sandbox;
  try {
    sandbox = await startSandbox({
      ...options,
      ...(own.length > 0 ? { modules: modulesFolder(context, flags) ?? undefined } : {}),
      ...(rehearses && {
        rehearses: {
          name: rehearses.name,
          settings: rehearses.settings,
          ownDrain,
          accounts: accountsOf(rehearses.environment),
        },
      }),
      log: (line) => context.stderr.write(`${context.redactor.apply(line)}\n`),
      signal: context.signal,
      // Of a rehearsal the operator's terminal may know the real database, and this is not its business.
      databaseUrl: rehearses ? undefined : context.env["DATABASE_URL"],
    });
  } catch (cause) {
    context.signal.throwIfAborted();
    const { code, message } = cause as { code?: string; message?: string };
    if (code === "port-taken")
      throw new McpistError("ERR_PORT_IN_USE", message ?? "a port is taken", {
        hint: HINTS.otherPorts(),
        cause,
      });
    throw new McpistError("ERR_VENDOR", message ?? "the sandbox did not start", { hint: HINTS.bug(), cause });
  }
  for (const token of [...Object.values(sandbox.context.tokens), sandbox.broker.secret])
    context.redactor.register(token);
  if (sandbox.database.embedded) await admitOwnTools(sandbox.database.adminUrl, own);
  const joined = joinedEnvironment(sandbox.urls);
  if (!joined.ok) {
    await sandbox.close();
    throw new TypeError(`the sandbox's environment does not fit its own schema: ${joined.error[0]?.message ?? ""}`);
  }
  const { name, environment } = joined.value;
  const { PATH, HOME } = context.env;
  return {
    sandbox,
    environment,
    name,
    inside: { ...context, env: { PATH, HOME, ...sandbox.env } },
    flags: { ...flags, env: name },
  };
}

/** Base, first gateway secret, service: afterwards the gateway answers. */
export async function deployService(cloud: LocalCloud, progress: Progress): Promise<void> {
  const { provisionBase, provisionService, unseenServers } = await load();
  const { sandbox, environment, name: environmentName, inside, flags } = cloud;
  const step = (name: string, work: () => Promise<void>) => reported(progress, inside.signal, name, work);
  await step("deploy Worker, stores and apps", () => provisionBase(sandbox, environment, environmentName));
  await step("write the first gateway secret", async () => {
    const quiet = new Progress({ ...inside, stderr: { write: () => true } }, { json: true });
    const { ended } = await runRotation(
      inside,
      await openSession(inside, flags),
      { ...flags, init: true, clean: false, dryRun: false },
      quiet,
    );
    if (ended.failure)
      throw new McpistError("ERR_DEMO", `the first secret could not be written: ${ended.failure.message}`, {
        hint: ended.failure.advice,
      });
  });
  await step("deploy the origins", () => provisionService(sandbox, environment, environmentName));
  const servers = Object.keys(environment.servers);
  // A database that is not the sandbox's own is never read from here.
  if (servers.length === 0 || !sandbox.database.embedded) return;
  let unseen: readonly string[] = [];
  await step(`list the tools of ${servers.join(", ")}`, async () => {
    unseen = await unseenServers(sandbox.database.adminUrl, servers, inside.signal);
  });
  for (const name of unseen) inside.stderr.write(`no tool of the server "${name}" was seen; it is tried again\n`);
}
