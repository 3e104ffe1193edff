/**
 * Prints every test of every suite as JSON, `{ file, name, runs }[]`: read from the sources by vitest itself, no test is executed.
 * Files whose tests come from functions of other files are loaded to hear which tests they have.
 * `runs` is false for a test that is skipped, to be done, tried again or expected to fail: such a test shows nothing.
 */
import process from "node:process";
import { createVitest } from "vitest/node";
import { forgivesFailures, lenientSettings } from "./forgiving.ts";
import { readTracked, ROOT } from "./repository.ts";

/** A test as it stands in the sources. */
export interface KnownTest {
  readonly file: string;
  /** `describe > … > name`; the template of a table test as it is written. */
  readonly name: string;
  readonly runs: boolean;
}

/** Suites beside `npm test`, chosen by MCPIST_SUITE. */
const SUITES = ["", "canary", "clients", "postgres", "deploy", "conformance", "browser", "install"];

async function testsOf(suite: string): Promise<readonly KnownTest[]> {
  if (suite === "") delete process.env["MCPIST_SUITE"];
  else process.env["MCPIST_SUITE"] = suite;
  const vitest = await createVitest("test", { root: ROOT, watch: false, run: true, reporters: [] });
  try {
    const settings = [vitest.config, ...vitest.projects.map(({ config }) => config)];
    const lenient = [...new Set(settings.flatMap((one) => lenientSettings(one)))];
    if (lenient.length > 0)
      process.stderr.write(`no test counts under these settings of vitest: ${lenient.join(", ")}\n`);
    const specifications = await vitest.globTestSpecifications();
    const modules = await vitest.parseSpecifications(specifications);
    const silent = new Set(
      modules.filter((module) => module.children.allTests().next().done === true).map(({ moduleId }) => moduleId),
    );
    const loaded =
      silent.size === 0
        ? []
        : (await vitest.collectTests(specifications.filter(({ moduleId }) => silent.has(moduleId)))).testModules.filter(
            ({ moduleId }) => silent.has(moduleId),
          );
    return [...modules, ...loaded].flatMap((module) => {
      // What is read from sources does not tell whether a test is expected to fail, or how often it is tried.
      const judged = lenient.length === 0 && !forgivesFailures(readTracked(module.relativeModuleId));
      return [...module.children.allTests()].map(({ fullName, options }) => ({
        file: module.relativeModuleId,
        name: fullName,
        runs: judged && options.mode === "run",
      }));
    });
  } finally {
    await vitest.close();
  }
}

if (process.argv[1] === import.meta.filename) {
  const tests: KnownTest[] = [];
  for (const suite of SUITES) tests.push(...(await testsOf(suite)));
  process.stdout.write(JSON.stringify(tests));
  // vitest calls a file that it cannot load a failed run. Its tests are missing from the list, which is what the reader judges.
  process.exitCode = 0;
}
