/** `mcpist demo`. */
import { defineCommand, wholeNumber } from "../command.ts";

export const demo = defineCommand(
  "demo",
  {
    summary: "Brings up a local cloud, sends live traffic through the gateway and rotates the gateway secret under it.",
    examples: [
      "mcpist demo",
      "mcpist demo --json | jq .traffic",
      "mcpist demo --html demo.html",
      "mcpist demo --env production",
    ],
    details:
      "With --env it runs that environment of mcpist.config.ts on the local cloud:\nits names, origins, limits and choices. Nothing real is reached.",
  },
  (command) =>
    command
      .option("--html <file>", "write a page that shows what happened")
      .option("--users <n>", "concurrent users, 1 to 60", wholeNumber("--users", 1, 60), 48)
      .option(
        "--rate <n>",
        "requests per second, at most 4 per user (default: 120, or what the limits admit)",
        wholeNumber("--rate", 1, 240),
      )
      .option("--own-drain", "wait as long as the environment itself says, not seconds", false),
  async (context, flags) => (await import("../local/demo.ts")).runDemo(context, flags),
);
