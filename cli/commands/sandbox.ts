/** `mcpist sandbox`. */
import { defineCommand, wholeNumber } from "../command.ts";

export const sandbox = defineCommand(
  "sandbox",
  {
    summary: "Keeps a local cloud running, or runs a command inside one.",
    examples: [
      "mcpist sandbox",
      'eval "$(mcpist sandbox --print-env)"',
      "mcpist sandbox -- mcpist secrets rotate --env sandbox",
      "mcpist sandbox --scenario koyeb-down",
      "mcpist sandbox --env production",
    ],
    details:
      "With --env it runs that environment of mcpist.config.ts: its names, origins,\nlimits and choices, and its servers for real. Nothing real is reached: accounts,\ntokens and secrets are the sandbox's own.",
  },
  (command) =>
    command
      .argument("[command...]", "command to run inside, after --")
      .option("--print-env", "print shell lines that join another terminal to the running sandbox", false)
      .option("--name <name>", "what to call it, or which one to join (default: sandbox)")
      .option("--scenario <name>", "start with a fault: see docs/sandbox.md")
      .option("--port-base <port>", "fixed ports from here on", wholeNumber("--port-base", 1024, 65_000))
      .option("--empty", "accounts without a service: for trying a first deploy", false)
      .option("--own-drain", "with --env: drain as long as that environment says, not seconds", false)
      .option("--ui", "serve a live page", false),
  async (context, flags, command) => (await import("../local/sandbox.ts")).runSandbox(context, { ...flags, command }),
);
