/** `mcpist db status`. */
import { defineCommand, noOptions } from "../command.ts";

export const dbStatus = defineCommand(
  "status",
  {
    summary: "Shows which migrations are applied, and exits with 3 when anything is off.",
    examples: ["read -rs DATABASE_URL && export DATABASE_URL", "mcpist db status"],
  },
  noOptions,
  async (context, flags) => (await import("../runs/db-status.ts")).dbStatus(context, flags),
);
