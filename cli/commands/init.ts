/** `mcpist init`. */
import { defineCommand } from "../command.ts";

export const init = defineCommand(
  "init",
  {
    summary: "Makes a project: mcpist.config.ts, stacks, an example module, workflows.",
    details:
      "In an empty folder or in a repository; nothing that is there is lost, and\nwhat is added to package.json is asked first. Without a terminal, or with\n--yes, the options answer every question. One origin is enough.\nMCPIST_PACKAGE names the package that the project depends on.",
    examples: [
      "mcpist init",
      "mcpist init --yes --domain mcp.example.com --repo acme/mcp \\\n    --account 0123456789abcdef0123456789abcdef --supabase abcdefghijklmnop \\\n    --koyeb-url https://mcp-acme.koyeb.app --fly-app acme-mcp",
    ],
  },
  (command) =>
    command
      .option("--domain <hostname>", "public host name of the gateway, e.g. mcp.example.com")
      .option("--repo <owner/name>", "GitHub repository")
      .option("--account <id>", "Cloudflare account id")
      .option("--supabase <ref>", "Supabase project ref")
      .option("--koyeb-url <url>", "public URL of the Koyeb service")
      .option("--fly-app <name>", "name of the Fly.io app")
      .option("--files", "only the files beside mcpist.config.ts; with --force workflows anew", false)
      .option("--force", "overwrite mcpist.config.ts", false),
  async (context, flags) => (await import("../runs/init.ts")).runInit(context, flags),
);
