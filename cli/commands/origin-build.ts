/** `mcpist origin build`. */
import { defineCommand } from "../command.ts";

export const originBuild = defineCommand(
  "build",
  {
    summary: "Writes a build context for the origin's image, with one's own modules and servers.",
    details:
      "Then: docker build -t IMAGE build/origin. With --env, the folders of that\nenvironment's servers are in it too.",
    examples: ["mcpist origin build", "mcpist origin build --env production --out build/origin"],
  },
  (command) => command.option("--out <folder>", "where it is written", "build/origin"),
  async (context, flags) => (await import("../runs/origin-build.ts")).runOriginBuild(context, flags),
);
