/**
 * All of what a landing takes a sample of, one after the other: every client, kill, way, version of Node and mutant. A step that fails
 * keeps none from running; the last lines name it. A matrix whose test reads a variable is named here (./nightly.test.ts).
 */
import { spawnSync } from "node:child_process";

const ALL = { ROWS: "all" } as const;
/** What runs, with what, in the environment that makes it run all of it. */
export const NIGHTLY: readonly (readonly [environment: Readonly<Record<string, string>>, command: string])[] = [
  [{}, "node test/clients/install.ts all"],
  [{ MCPIST_CLIENT_SET: "all" }, "npm run test:clients -- test/clients"],
  [ALL, "npm run test:clients -- test/colleagues.clients.test.ts"],
  [ALL, "npm test -- cli/runs/whole-run.test.ts cli/targets/no-trace.test.ts"],
  [{ SCHEDULES: "5000" }, "npm test -- cli/secrets/schedules.test.ts"],
  [ALL, "npm run test:install -- test/install"],
  [{}, "npm run test:mutants"],
  [{ KILLS: "12" }, "npm run test:live"],
];

function runAll(): readonly string[] {
  const failed: string[] = [];
  for (const [environment, command] of NIGHTLY) {
    const assigned = Object.entries(environment).map(([name, value]) => `${name}=${value} `);
    const line = assigned.join("") + command;
    process.stdout.write(`\n=== ${line}\n`);
    const [program = "", ...args] = command.split(" ");
    const { status } = spawnSync(program, args, { stdio: "inherit", env: { ...process.env, ...environment } });
    if (status !== 0) failed.push(line);
  }
  return failed;
}

if (import.meta.main) {
  const failed = runAll();
  process.stdout.write(`\n${NIGHTLY.length - failed.length} of ${NIGHTLY.length} steps passed\n`);
  for (const line of failed) process.stdout.write(`FAILED ${line}\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
