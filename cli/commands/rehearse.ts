/** `mcpist rehearse`. */
import { defineCommand, wholeNumber } from "../command.ts";

export const rehearse = defineCommand(
  "rehearse",
  {
    summary: "Runs an environment of your own on a local cloud: first deploy, rotation, outage, emergency.",
    details:
      "Names, origins, limits and choices are those of mcpist.config.ts; accounts,\naddresses, sign-in and secrets are the local cloud's, and the origins run this\nprogram's own code. Nothing real is reached. With a command it runs that inside.",
    examples: [
      "mcpist rehearse --env production",
      "mcpist rehearse --env production -- mcpist secrets rotate",
      "mcpist rehearse --env production --empty -- npm run synth",
    ],
  },
  (command) =>
    command
      .argument("[command...]", "command to run inside, after --")
      .option("--users <n>", "concurrent users, 1 to 60", wholeNumber("--users", 1, 60), 24)
      .option(
        "--rate <n>",
        "requests per second, at most 4 per user (default: what the limits admit, at most 120)",
        wholeNumber("--rate", 1, 240),
      )
      .option("--empty", "with a command: accounts without a service, for trying a first deploy", false)
      .option("--own-drain", "drain as long as the environment says, not seconds", false),
  async (context, flags, command) => (await import("../local/rehearse.ts")).runRehearse(context, { ...flags, command }),
);
