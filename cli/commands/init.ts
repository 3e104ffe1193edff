/** `mcpist init`. */
import { defineCommand } from "../command.ts";

export const init = defineCommand(
  "init",
  {
    summary: "Writes mcpist.config.ts, asking as little as possible.",
    details:
      "Without a terminal, or with --yes, the options answer every question.\nOne origin, on Koyeb or on Fly.io, is enough.",
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
      .option("--force", "overwrite an existing file", false),
  async (context, flags) => (await import("../runs/init.ts")).runInit(context, flags),
);
