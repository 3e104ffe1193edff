/** `mcpist db migrate`. */
import { defineCommand, noOptions } from "../command.ts";

export const dbMigrate = defineCommand(
  "migrate",
  {
    summary: "Applies the missing migrations, registers tools and admits accounts. Safe to run again.",
    examples: ["read -rs DATABASE_URL && export DATABASE_URL", "mcpist db migrate"],
  },
  noOptions,
  async (context, flags) => (await import("../runs/db-migrate.ts")).dbMigrate(context, flags),
);
