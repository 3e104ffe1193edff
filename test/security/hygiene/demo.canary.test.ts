/** The whole demo, the way a newcomer starts it: command line, gateway in workerd, two origins, four platforms, one rotation. */
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { canWatch, NO_STRACE } from "./trace.ts";
import { watch } from "./watch.ts";

const CLI = fileURLToPath(new URL("../../../cli/main.ts", import.meta.url));
/** Everything at a fraction of its speed under strace, beside the other suites. Unit: milliseconds. */
const PATIENCE_MS = 300_000;

beforeEach((context) => context.skip(!canWatch, NO_STRACE));

describe("mcpist demo", () => {
  it(
    "shows none of the values that it draws: not in argv, environment, output or any file that it writes",
    async () => {
      const { exitCode, stdout, draws, leaks, looked } = await watch({
        args: [CLI, "demo", "--json", "--users", "10", "--rate", "20"],
        canaries: () => [],
      });
      const report = JSON.parse(stdout) as {
        readonly ok: boolean;
        readonly traffic: { readonly failed: number; readonly slow: number; readonly sent: number };
      };
      expect({ exitCode, ok: report.ok, failed: report.traffic.failed - report.traffic.slow }).toEqual({
        exitCode: 0,
        ok: true,
        failed: 0,
      });
      // Two gateway secrets, two sealing keys at least, and the keys of the origins.
      expect(draws.length).toBeGreaterThanOrEqual(6);
      expect(report.traffic.sent).toBeGreaterThan(100);
      // workerd per version, origins, wrangler: the observers saw them all start and write.
      expect(looked.programs).toBeGreaterThan(8);
      expect(looked.writes).toBeGreaterThan(0);
      expect(looked.rounds).toBeGreaterThan(100);
      expect(leaks).toEqual([]);
    },
    PATIENCE_MS,
  );
});
