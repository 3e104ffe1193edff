/** `mcpist doctor`. */
import { defineCommand } from "../command.ts";

export const doctor = defineCommand(
  "doctor",
  {
    summary: "Checks tokens, scopes, names and reachability. Changes nothing.",
    examples: [
      "mcpist doctor --env production",
      "mcpist doctor --deploy --env production",
      "mcpist doctor --tokens --env production",
    ],
  },
  (command) =>
    command
      .option("--deploy", "also check what npx cdktn deploy needs: a token that only rotates should not have it", false)
      .option("--tokens", "only whether each token is accepted and when it ends; exit 3 from 14 days before", false),
  async (context, flags) => (await import("../doctor/doctor.ts")).runDoctor(context, flags),
);
