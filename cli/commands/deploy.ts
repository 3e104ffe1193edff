/** `mcpist deploy`. */
import { defineCommand } from "../command.ts";

export const deploy = defineCommand(
  "deploy",
  {
    summary: "Brings the accounts to what the configuration describes, with Terraform or OpenTofu.",
    details:
      "It looks at the secrets before, refuses while the parties disagree, looks again\nafterwards, and fails when the live secret is another one then. With --yes\nnobody is asked; a state that would die with a pipeline's machine is refused.",
    examples: [
      "mcpist deploy --env production --dry-run",
      "mcpist deploy --env production",
      "mcpist deploy --env production --base",
    ],
  },
  (command) =>
    command
      .option("--base", "only what secrets live in: before the first secret", false)
      .option("--first", "everything, for the first time: nothing is compared", false)
      .option("--dry-run", "show what would change", false),
  async (context, flags) => (await import("../runs/deploy.ts")).runDeploy(context, flags),
);
