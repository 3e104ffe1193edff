/** The policy where engines and CLIs meet it: no CLI deploys what it refuses, and it accepts the real plans of every stack. */
import { describe, expect, it } from "vitest";
import { sandboxEnvironment } from "../../contract/sandbox.ts";
import { done, opened, TIMEOUT_MS } from "./operator.ts";
import { CLIS, type DeployCli, type Engine, ENGINES } from "./tools.ts";

const STACK = "base-app-koyeb";
const VALUE = "fedcba9876543210".repeat(4);

describe.skipIf(ENGINES.length === 0)("a deploy of what the policy refuses", () => {
  it.each(CLIS.map((cli) => [cli.name, cli] as const))(
    "ends in %s before anything is asked of a platform",
    { timeout: TIMEOUT_MS },
    async (_name, cli: DeployCli) => {
      await opened(ENGINES[0] as Engine, cli, async (installation) => {
        const environment = sandboxEnvironment(installation.sandbox.urls);
        const auth = { ...environment.auth, issuer: `https://id.example.com/${VALUE}` };
        installation.configure("leaking", { ...environment, auth });
        const refused = await installation.deploy([STACK]);
        expect(refused.exitCode).not.toBe(0);
        expect(refused.output).toContain("ERR_POLICY");
        expect((await installation.deploy([STACK], {}, ["--skip-synth"])).exitCode).not.toBe(0);
        for (const text of installation.printed) expect(text).not.toContain(VALUE);
        for (const text of installation.files()) expect(text).not.toContain('"serial"');
      });
    },
  );
});

describe.skipIf(ENGINES.length === 0)("a first plan, in which most is unknown", () => {
  it.each(ENGINES.map((engine) => [engine.name, engine] as const))(
    "is accepted as %s shows it, for every stack",
    { timeout: TIMEOUT_MS },
    async (_name, engine) => {
      await opened(engine, CLIS[0] as DeployCli, async (installation) => {
        const stacks = Object.keys(await installation.plainSynth("out"));
        expect(stacks).toHaveLength(6);
        const parts = stacks.map((stack) => stack.slice("sandbox-".length));
        done(await installation.checkPlans(parts), "policy over every plan");
      });
    },
  );
});
