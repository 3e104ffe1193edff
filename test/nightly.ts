/**
 * All of what a landing takes a sample of, one after the other: every client, kill, way, version of Node and mutant. A step that fails
 * keeps none from running; the last lines name it. A matrix whose test reads a variable is named here (./nightly.test.ts).
 */
import { spawnSync } from "node:child_process";

const ALL = { ROWS: "all" } as const;
type Step = readonly [environment: Readonly<Record<string, string>>, command: string];
/** What runs, in the environment that makes it run all of it; in two parts, each for a machine of its own. */
export const NIGHTLY = {
  clients: [
    [{}, "node test/clients/install.ts all"],
    [{ MCPIST_CLIENT_SET: "all" }, "npm run test:clients -- test/clients"],
    [ALL, "npm run test:clients -- test/colleagues.clients.test.ts"],
    [ALL, "npm run test:install -- test/install"],
  ],
  faults: [
    [ALL, "npm test -- cli/runs/whole-run.test.ts cli/targets/no-trace.test.ts"],
    [{ SCHEDULES: "5000" }, "npm test -- cli/secrets/schedules.test.ts"],
    [{ KILLS: "12" }, "npm run test:live"],
    [{}, "npm run test:mutants"],
  ],
} satisfies Readonly<Record<string, readonly Step[]>>;

function runAll(steps: readonly Step[]): readonly string[] {
  const failed: string[] = [];
  for (const [environment, command] of steps) {
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
  const parts = new Map<string, readonly Step[]>(Object.entries(NIGHTLY));
  const wanted = process.argv.slice(2);
  if (wanted.some((name) => !parts.has(name))) throw new Error(`the parts are ${[...parts.keys()].join(" and ")}`);
  const steps = [...parts].flatMap(([name, part]) => (wanted.length === 0 || wanted.includes(name) ? part : []));
  const failed = runAll(steps);
  process.stdout.write(`\n${steps.length - failed.length} of ${steps.length} steps passed\n`);
  for (const line of failed) process.stdout.write(`FAILED ${line}\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
