/** `mcpist origins join NAME`. */
import { defineCommand } from "../command.ts";

export const originsJoin = defineCommand(
  "join",
  {
    summary: "Brings an origin in, which is a rotation: nobody can hand it the live secret.",
    examples: ["mcpist origins join fly --env production"],
  },
  (command) =>
    command.argument("<name>", "name of the origin").option("--steal-lock <run>", "take the lock of a dead run"),
  async (context, flags, name) => (await import("../runs/join.ts")).runJoin(context, { ...flags, name }),
);
