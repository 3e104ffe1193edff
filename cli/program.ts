/**
 * The command tree: parses, loads one command, turns every error into a message and an exit code. The only catch-all.
 * Never repeats an argument: a secret that was pasted by mistake must not come back on the screen.
 */
import { Command, CommanderError, Option } from "commander";
import type { Context } from "./context.ts";
import { EXIT, McpistError, toMcpistError, type ExitCode } from "./errors.ts";
import { printError, printJson } from "./output.ts";
import type { CommonFlags } from "./flags.ts";
import { useProxy } from "./proxy.ts";
import { toolVersion } from "./version.ts";

/** A command's work: everything it needs comes in, its exit code comes out. */
export type Work<Flags> = (context: Context, flags: Flags) => Promise<ExitCode>;

const EXIT_CODES = `
Exit codes:
  0 done   1 failed   2 usage or configuration   3 the check says no   4 not authorised
  5 partly applied, running it again is safe   130 interrupted`;

/** Runs one command line. @returns the exit code; prints every error itself. */
export async function run(argv: readonly string[], context: Context): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  const json = argv.includes("--json");
  const root = tree(context, (code) => {
    exitCode = code;
  });
  try {
    useProxy(context.env);
    await root.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version end here with 0. Commander's own texts repeat what was typed, so they are never shown.
      if (error.exitCode === 0) return EXIT.done;
      if (error.code === "commander.help") return EXIT.usage;
      return fail(context, usageError(error), json, argv.includes("--debug"));
    }
    return fail(context, toMcpistError(context, error), json, argv.includes("--debug"));
  }
}

function fail(context: Context, error: McpistError, json: boolean, debug: boolean): ExitCode {
  printError(context, error, debug);
  if (json)
    printJson(context, {
      ok: false,
      exitCode: error.exitCode,
      error: { code: error.code, message: error.message, hint: error.hint ?? null },
    });
  return error.exitCode;
}

/** Reason and option name only; `commander.unknownCommand` and others carry the argument in their message. */
function usageError(error: CommanderError): McpistError {
  const option = /option '([^'<[]+)/.exec(error.message)?.[1]?.trim();
  const texts: Readonly<Record<string, string>> = {
    "commander.unknownCommand": "there is no such command",
    "commander.unknownOption": "there is no such option",
    "commander.excessArguments": "there are more arguments than this command takes",
    "commander.missingArgument": "an argument is missing",
    "commander.optionMissingArgument": `option ${option ?? ""} needs a value`,
    "commander.missingMandatoryOptionValue": `option ${option ?? ""} is needed`,
    "commander.invalidArgument": "an option has a value that it does not take",
    "commander.conflictingOption": "two options exclude each other",
  };
  return new McpistError("ERR_USAGE", texts[error.code] ?? "the command line cannot be read", {
    hint: "mcpist --help, or --help after a command",
  });
}

function tree(context: Context, end: (code: ExitCode) => void): Command {
  const root = new Command("mcpist")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
      outputError: () => undefined,
      getOutHasColors: () => context.stdout.isTTY === true && !context.env["NO_COLOR"],
      getErrHasColors: () => context.stderr.isTTY === true && !context.env["NO_COLOR"],
    })
    .showSuggestionAfterError(false)
    .description(
      "Provisions an MCP service behind a Cloudflare Worker and rotates its gateway secret without one failed request.",
    )
    .version(toolVersion())
    .addHelpText(
      "after",
      `
Examples:
  mcpist demo                                  see it work: a local cloud, live traffic, one rotation, proof
  mcpist sandbox                               keep a local cloud running to rehearse in
  mcpist secrets rotate --env production       new gateway secret everywhere, old one proven dead
  mcpist secrets status --env production       who sends and who accepts what
${EXIT_CODES}`,
    );

  const common = (command: Command): Command =>
    command
      .option("--env <name>", "environment of mcpist.config.ts (default: MCPIST_ENV)")
      .option("--config <file>", "configuration file", "mcpist.config.ts")
      .option("--json", "one JSON object on stdout", false)
      .option("--yes", "do not ask", false)
      .option("--debug", "show causes of errors", false);
  /** Loads the command's module only when it is called: `--help` stays fast. */
  const action =
    <Flags>(load: () => Promise<Work<Flags>>) =>
    async (...args: unknown[]): Promise<void> => {
      const command = args.at(-1) as Command;
      const names = command.registeredArguments.map((argument) => argument.name());
      const given = Object.fromEntries(names.map((name, i) => [name, args[i]]));
      end(await (await load())(context, { ...command.opts(), ...given } as Flags));
    };

  common(root.command("demo"))
    .description(
      "Brings up a local cloud, sends live traffic through the gateway and rotates the gateway secret under it.",
    )
    .option("--html <file>", "write a page that shows what happened")
    .option("--users <n>", "concurrent users", "48")
    .option("--rate <n>", "requests per second", "120")
    .addHelpText(
      "after",
      "\nExamples:\n  mcpist demo\n  mcpist demo --json | jq .traffic\n  mcpist demo --html demo.html",
    )
    .action(action(async () => (await import("./local/demo.ts")).demo));

  common(root.command("sandbox"))
    .description("Keeps a local cloud running, or runs a command inside one.")
    .argument("[command...]", "command to run inside, after --")
    .option("--print-env", "print shell lines that join another terminal to the running sandbox", false)
    .option("--scenario <name>", "start with a fault: see docs/sandbox.md")
    .option("--port-base <n>", "fixed ports from here on")
    .option("--empty", "accounts without a service: for trying a first deploy", false)
    .option("--ui", "serve a live page", false)
    .addHelpText(
      "after",
      '\nExamples:\n  mcpist sandbox\n  eval "$(mcpist sandbox --print-env)"\n  mcpist sandbox -- mcpist secrets rotate --env sandbox\n  mcpist sandbox --scenario koyeb-down',
    )
    .action(action(async () => (await import("./local/sandbox.ts")).sandbox));

  const secrets = root.command("secrets").description("The gateway secret and the other secrets of an installation.");
  common(secrets.command("rotate"))
    .description(
      "Makes a new gateway secret, distributes it, switches the Worker, retires the old one and proves that it is dead.",
    )
    .option("--init", "first secret of a new installation", false)
    .option("--clean", "give up an unfinished candidate instead of finishing it", false)
    .addOption(
      new Option("--emergency <mode>", "the secret leaked: fast keeps serving if it can, now kills it first").choices([
        "fast",
        "now",
      ]),
    )
    .option("--dry-run", "print the plan, write nothing", false)
    .option("--steal-lock <run>", "take the lock of a dead run")
    .addHelpText(
      "after",
      "\nA run that finds an unfinished rotation finishes it. Ctrl-C is safe at any moment.\n\nExamples:\n  mcpist secrets rotate --env production --dry-run\n  mcpist secrets rotate --env production\n  mcpist secrets rotate --env production --emergency now --yes",
    )
    .action(action(async () => (await import("./runs/rotation.ts")).secretsRotate));
  common(secrets.command("status"))
    .description("Shows who sends and who accepts which secret, and the next command.")
    .action(action(async () => (await import("./runs/status.ts")).secretsStatus));
  common(secrets.command("verify"))
    .description("The same as a check for a schedule: exit 3 when anything is off.")
    .action(action(async () => (await import("./runs/status.ts")).secretsVerify));
  common(secrets.command("history"))
    .description("Shows the journal of rotations, newest first.")
    .option("--limit <n>", "entries", "30")
    .action(action(async () => (await import("./commands/secrets-history.ts")).secretsHistory));
  common(secrets.command("rollback"))
    .description("Steps back to the previous secret without a value. Refused once retirement has begun.")
    .option("--steal-lock <run>", "take the lock of a dead run")
    .action(action(async () => (await import("./commands/secrets-rollback.ts")).secretsRollback));
  common(secrets.command("restore"))
    .description(
      "Fills one target that lost its slots again, from GATEWAY_SECRET_A and GATEWAY_SECRET_B of a workflow job.",
    )
    .argument("<target>", "an origin's name, or worker")
    .option("--steal-lock <run>", "take the lock of a dead run")
    .addHelpText(
      "after",
      "\nIt may fill a hole; it may not change the set of secrets that is accepted.\n\nExample:\n  mcpist secrets restore koyeb --env production",
    )
    .action(action(async () => (await import("./commands/secrets-restore.ts")).secretsRestore));
  common(secrets.command("put"))
    .description("Puts one of the other secrets to every target that needs it. The value comes from stdin or a prompt.")
    .argument("<name>", "DATABASE_URL, BROKER_SECRET or REQUEST_STATE_KEY")
    .option("--generate", "make a random value (for keys of 64 hex characters)", false)
    .addHelpText(
      "after",
      "\nExamples:\n  mcpist secrets put DATABASE_URL --env production < url.txt\n  mcpist secrets put REQUEST_STATE_KEY --generate --env production",
    )
    .action(action(async () => (await import("./runs/put.ts")).secretsPut));

  const origins = root.command("origins").description("Which origins the gateway routes to.");
  common(origins.command("quarantine"))
    .description("Takes a failed origin out of the pool on purpose.")
    .argument("<name>", "name of the origin")
    .action(action(async () => (await import("./runs/routes.ts")).originsQuarantine));
  common(origins.command("join"))
    .description("Brings an origin in, which is a rotation: nobody can hand it the live secret.")
    .argument("<name>", "name of the origin")
    .action(action(async () => (await import("./runs/join.ts")).originsJoin));

  common(root.command("init"))
    .description("Writes mcpist.config.ts, asking as little as possible.")
    .option("--domain <hostname>", "public host name of the gateway, e.g. mcp.example.com")
    .option("--repo <owner/name>", "GitHub repository")
    .option("--account <id>", "Cloudflare account id")
    .option("--supabase <ref>", "Supabase project ref")
    .option("--koyeb-url <url>", "public URL of the Koyeb service")
    .option("--fly-app <name>", "name of the Fly.io app")
    .option("--force", "overwrite an existing file", false)
    .addHelpText(
      "after",
      "\nExamples:\n  mcpist init\n  mcpist init --domain mcp.example.com --repo acme/mcp --account 0123… --supabase abcd --koyeb-url https://….koyeb.app --fly-app acme-mcp --yes",
    )
    .action(action(async () => (await import("./runs/init.ts")).init));
  common(root.command("doctor"))
    .description("Checks tokens, scopes, names and reachability. Changes nothing.")
    .option("--deploy", "check what npx cdktn deploy needs, too: a token that only rotates should lack it", false)
    .addHelpText("after", "\nExamples:\n  mcpist doctor\n  mcpist doctor --deploy --env production")
    .action(action(async () => (await import("./doctor/doctor.ts")).doctor));
  const db = root.command("db").description("The schema of the project's database, at the address in DATABASE_URL.");
  common(db.command("status"))
    .description("Shows which migrations are applied and what is not as it should be: exit 3 when anything is off.")
    .addHelpText("after", "\nExamples:\n  read -rs DATABASE_URL && export DATABASE_URL\n  mcpist db status")
    .action(action(async () => (await import("./commands/db-status.ts")).dbStatus));
  common(db.command("migrate"))
    .description("Applies the migrations that are missing, registers tools and admits accounts. Safe to run again.")
    .addHelpText("after", "\nExamples:\n  read -rs DATABASE_URL && export DATABASE_URL\n  mcpist db migrate")
    .action(action(async () => (await import("./commands/db-migrate.ts")).dbMigrate));
  const jwks = root.command("jwks").description("The gateway's copy of the sign-in keys.");
  common(jwks.command("purge"))
    .description("Makes every gateway isolate fetch the sign-in keys anew.")
    .action(action(async () => (await import("./commands/jwks.ts")).jwksPurge));
  return root;
}

export type { CommonFlags };
