/** Every hint about a project and its deploy, followed word by word. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Desk } from "../test/follow.ts";
import { leadOut, steady, type Elsewhere, type Scenario } from "../test/scenario.ts";
import { PROJECT } from "./project.ts";

const hasStacks = ({ folder }: Desk): void => writeFileSync(join(folder, "cdktf.json"), "{}");

const SCENARIOS: Readonly<Record<keyof typeof PROJECT, Scenario | Elsewhere>> = {
  verifyFirst: {
    argv: "deploy",
    world: steady,
    prepare: hasStacks,
    // The look is a program of its own, which does not even start.
    env: { NODE_OPTIONS: "--require ./nothing.cjs" },
    byHand: ({ env }) => void (env["NODE_OPTIONS"] = undefined),
    ends: "STEADY",
  },
  stateInBucket: {
    argv: "deploy --base",
    prepare: hasStacks,
    env: { CI: "1" },
    byHand: (_desk, hint) => expect(hint).toContain("set backend to a bucket"),
    ends: /^3 error: the state would be kept on this machine/,
  },
  readAbove: { elsewhere: "cli/hints/deploy.clients.test.ts" },
  noModule: { elsewhere: "origin/modules/own-modules.test.ts", says: "its default export is no module" },
  dockerInCheckout: { argv: "origin build", ends: /^2 error: this is for a project that has the package/ },
  renewFiles: { elsewhere: "cli/doctor/project.test.ts" },
  otherOut: { elsewhere: "cli/runs/build-context.test.ts" },
  makeProject: { elsewhere: "cli/runs/engine.test.ts" },
  outOfProject: { elsewhere: "cli/runs/build-context.test.ts" },
};

leadOut(PROJECT, SCENARIOS);
