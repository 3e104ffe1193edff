/** `mcpist origin check URL`. */
import { defineCommand } from "../command.ts";

export const originCheck = defineCommand(
  "check",
  {
    summary: "Proves that a running origin, in any language, keeps the origin's contract.",
    details:
      "Reads GATEWAY_SECRET_A and GATEWAY_SECRET_B from its own environment: the slots\nthat the process was started with. What must hold is in docs/origin-contract.md.",
    examples: [
      "mcpist origin check http://127.0.0.1:8080",
      "mcpist origin check http://127.0.0.1:8080 --tool hello --json",
    ],
  },
  (command) =>
    command
      .argument("<url>", "where the origin listens")
      .option("--user <uuid>", "a user who may list tools", "00000000-0000-4000-8000-000000000001")
      .option("--tool <name>", "a tool with effects that may be called, twice with one id")
      .option("--arguments <json>", "its arguments", "{}"),
  async (context, flags, url) => (await import("../runs/origin-check.ts")).runOriginCheck(context, { ...flags, url }),
);
