/** A module of your own: its tools are behind sign-in, limits and the Tool Sieve like every other. Rename it, or delete it. */
import { defineModule, tool, ToolError, z } from "mcpist/origin";

export default defineModule({
  name: "dice",
  description: "Dice",
  tools: [
    tool({
      name: "roll",
      description: "Rolls dice and returns the numbers",
      input: z.strictObject({ dice: z.int().min(1).max(10), sides: z.int().min(2).max(100).default(6) }),
      readOnly: true,
      idempotent: false,
      destructive: false,
      run: async ({ dice, sides }) => {
        // What the caller may read; anything else that is thrown becomes "The tool failed".
        if (sides === 13) throw new ToolError("nobody makes dice with 13 sides");
        return { rolled: Array.from({ length: dice }, () => 1 + Math.floor(Math.random() * sides)) };
      },
    }),
  ],
});
