/** Whatever a landing samples is run as a whole at night: by the variables that tests read, and by what .ci/run passes on. */
import { expect, it } from "vitest";
import { NIGHTLY } from "./nightly.ts";
import { readTracked, trackedFiles } from "./security/repository.ts";

/** Variables that choose between a sample and the whole. */
const WHOLE = /process\.env\["(ROWS|SCHEDULES|KILLS|MCPIST_CLIENT_SET)"\]/;
const steps = [...NIGHTLY.clients, ...NIGHTLY.faults].map(([environment, command]) => ({
  names: Object.keys(environment),
  command,
}));

it("every test that takes a sample is in a step that sets its variable", () => {
  const sampled = trackedFiles().flatMap((path) => {
    if (!path.endsWith(".ts") || path === "test/nightly.test.ts") return [];
    const [, name] = WHOLE.exec(readTracked(path)) ?? [];
    return name === undefined ? [] : [[path, name] as const];
  });
  // What a step calls the test where it is not by its path.
  const called: Readonly<Record<string, string>> = {
    "test/clients/versions.ts": "test/clients",
    "test/install/package.install.test.ts": "test/install",
    "test/live.ts": "test:live",
  };
  const runs = (path: string, variable: string): boolean =>
    steps.some(({ names, command }) => names.includes(variable) && command.split(" ").includes(called[path] ?? path));
  expect(sampled.map(([path]) => path)).toEqual([
    "cli/runs/whole-run.test.ts",
    "cli/secrets/schedules.test.ts",
    "cli/targets/no-trace.test.ts",
    "test/clients/versions.ts",
    "test/colleagues.clients.test.ts",
    "test/install/package.install.test.ts",
    "test/live.ts",
  ]);
  expect(sampled.filter(([path, variable]) => !runs(path, variable))).toEqual([]);
});

it("the mutants, of which .ci/run breaks a part, are all broken", () => {
  expect(readTracked(".ci/run")).toContain("test:mutants -- --sample");
  expect(steps.map(({ command }) => command)).toContain("npm run test:mutants");
});
