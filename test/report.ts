/**
 * The report of a suite of tests: vitest's JSON with what it leaves out, the errors of hooks in a `describe`, of more than one hook, and
 * those that belong to no test. Without them a file fails and nobody can see why.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { JsonReporter, type TestModule, type TestSuite } from "vitest/node";

/** A report, as far as it is written and read here. */
export interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    /** Absolute path. */
    readonly name: string;
    /** `failed` also when a hook failed or the file could not be loaded. */
    readonly status: string;
    /** What failed outside its tests, with the places; empty when nothing did. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
  /** Errors of no test and no hook. vitest fails for them too. */
  readonly unhandledErrors?: readonly string[];
}

interface Told {
  readonly message: string;
  readonly stack?: string | undefined;
}

const told = ({ message, stack }: Told): string => (stack?.includes(message) ? stack : `${message}\n${stack ?? ""}`);
/** A hook of a file is named in its own error; that of a `describe` says where it stands. */
const errorsOf = (suite: TestModule | TestSuite): readonly string[] =>
  suite.errors().map((error) => (suite.type === "module" ? told(error) : `in ${suite.fullName}\n${told(error)}`));

/** Used by path: `vitest run --reporter=./test/report.ts --outputFile.json=FILE`. */
export default class SuiteReport extends JsonReporter {
  override async onTestRunEnd(modules: readonly TestModule[], unhandled: readonly Told[] = []): Promise<void> {
    await super.onTestRunEnd(modules);
    const output = this.ctx.config.outputFile;
    const path = typeof output === "string" ? output : output?.["json"];
    if (path === undefined) return;
    const report = JSON.parse(readFileSync(path, "utf8")) as Report;
    const messages = new Map(
      modules.map((module) => [
        module.moduleId,
        [...errorsOf(module), ...[...module.children.allSuites()].flatMap(errorsOf)].join("\n"),
      ]),
    );
    const testResults = report.testResults.map((file) => ({
      ...file,
      message: messages.get(file.name) || file.message,
    }));
    writeFileSync(path, JSON.stringify({ ...report, testResults, unhandledErrors: unhandled.map(told) }));
  }
}
