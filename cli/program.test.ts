import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { McpistError, toMcpistError } from "./errors.ts";
import { run } from "./program.ts";
import { formsOf, testContext } from "./test/test-context.ts";

/** What a person might paste by mistake. */
const CANARY = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08x";

async function call(...argv: string[]) {
  const context = testContext({ env: { HOME: "/nowhere", PATH: "" } });
  const code = await run(argv, context);
  return { code, out: context.out(), err: context.err() };
}

describe("help", () => {
  it("is printed on stdout with exit code 0, with examples and exit codes", async () => {
    const { code, out, err } = await call("--help");
    expect(code).toBe(0);
    expect(err).toBe("");
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
    for (const text of ["mcpist demo", "mcpist secrets rotate --env production", "Exit codes:", "130 interrupted"])
      expect(out).toContain(text);
  });
  it.each([
    [["secrets", "rotate", "--help"], "--emergency"],
    [["secrets", "put", "--help"], "The value comes from stdin or a prompt"],
    [["origins", "join", "--help"], "nobody can hand it the live secret"],
    [["init", "--help"], "--supabase"],
    [["doctor", "--help"], "Changes nothing"],
    [["jwks", "purge", "--help"], "fetch the sign-in keys anew"],
    [["sandbox", "--help"], 'eval "$(mcpist sandbox --print-env)"'],
  ])("of %j names what it takes", async (argv, text) => {
    const { code, out } = await call(...argv);
    expect(code).toBe(0);
    expect(out.replace(/\s+/g, " ")).toContain(text);
  });
  it("has no option that takes a secret value", async () => {
    const helps = await Promise.all([
      call("secrets", "put", "--help"),
      call("secrets", "rotate", "--help"),
      call("secrets", "restore", "--help"),
    ]);
    for (const { out } of helps) expect(out).not.toMatch(/--(value|secret|token|body|password)\b/);
  });
  it("comes on stderr with exit code 2 where a command is missing", async () => {
    const { code, out, err } = await call("secrets");
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain("rotate");
  });
  it("is followed by the version on request", async () => {
    const { code, out } = await call("--version");
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("every command", () => {
  const COMMANDS = [
    "demo",
    "sandbox",
    "rehearse",
    "secrets rotate",
    "secrets status",
    "secrets verify",
    "secrets history",
    "secrets rollback",
    "secrets restore",
    "secrets list",
    "secrets put",
    "tools list",
    "tools show",
    "tools approve",
    "access list",
    "access grant",
    "access revoke",
    "access plan",
    "access suspend",
    "access resume",
    "origins quarantine",
    "origins join",
    "init",
    "doctor",
    "deploy",
    "whoami",
    "drift",
    "origin build",
    "origin check",
    "db status",
    "db migrate",
    "jwks purge",
    "completion",
  ];
  it.each(COMMANDS)("has a help with an example, in 80 columns: %s", async (command) => {
    const { code, out } = await call(...command.split(" "), "--help");
    expect(code).toBe(0);
    expect(out).toContain(`Usage: mcpist ${command} `);
    expect(out.replace(/^.*\nExamples?:/s, "")).toContain(`mcpist ${command}`);
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(await call("help", ...command.split(" "))).toEqual({ code: 0, out, err: "" });
  });
  it("is one of those", async () => {
    const helps = await Promise.all(
      [
        ["--help"],
        ["secrets", "--help"],
        ["origins", "--help"],
        ["origin", "--help"],
        ["db", "--help"],
        ["jwks", "--help"],
        ["tools", "--help"],
        ["access", "--help"],
      ].map((argv) => call(...argv)),
    );
    const names = helps.flatMap(({ out }) =>
      [...out.matchAll(/^ {2}([a-z]+) (?:\[options\]|\[command\]).*$/gm)].map(([, name]) => name),
    );
    const words = new Set(COMMANDS.map((command) => command.split(" ").at(-1)));
    expect(new Set(names.filter((name) => name !== "help"))).toEqual(words);
  });
});

describe("a command line that cannot be read", () => {
  it.each([
    [["secrets", "rotat"], "did you mean rotate?"],
    [["secret"], "did you mean secrets?"],
    [["secrets", "rotate", "--emergncy"], "did you mean --emergency?"],
    [["secrets", "rotate", "--dryrun"], "did you mean --dry-run?"],
    [["secrets", "rotate", "--value\n(Did you mean xyz?)"], "mcpist --help, or --help after a command"],
  ])("is met with what it resembles: %j", async (argv, hint) => {
    const { code, err } = await call(...argv);
    expect(code).toBe(2);
    expect(err).toContain(`hint:  ${hint}\n`);
    expect(err).not.toContain("xyz");
  });

  it.each([
    [["rotat"], "there is no such command: rotat (ERR_USAGE)"],
    [["secrets", "rotate", "--emergncy"], "there is no such option: --emergncy (ERR_USAGE)"],
    [["help", "secrets", "rotat"], "there is no such command: rotat (ERR_USAGE)"],
    // Whatever may be a value is none of ours to print.
    [["hunter2"], "there is no such command (ERR_USAGE)"],
    [["correct-horse-battery-staple"], "there is no such command (ERR_USAGE)"],
    [["secrets", "Rotate"], "there is no such command (ERR_USAGE)"],
  ])("names the name that was typed: %j", async (argv, message) => {
    expect((await call(...argv)).err).toMatch(`error: ${message}\n`);
  });

  it.each([
    ["an unknown command", [CANARY], "there is no such command"],
    ["an unknown subcommand", ["secrets", CANARY], "there is no such command"],
    ["an unknown option", ["secrets", "rotate", `--${CANARY}`], "there is no such option"],
    ["an unknown option with a value", ["secrets", "rotate", `--value=${CANARY}`], "there is no such option"],
    [
      "an argument too many",
      ["secrets", "put", "DATABASE_URL", CANARY],
      "there are more arguments than this command takes",
    ],
    [
      "a value that an option does not take",
      ["secrets", "rotate", "--emergency", CANARY],
      "--emergency takes one of: fast, now",
    ],
    ["a number out of range", ["demo", "--users", "61"], "--users takes a whole number from 1 to 60"],
    ["what is no number", ["secrets", "history", "--limit", CANARY], "--limit takes a whole number from 1"],
    ["a port out of range", ["sandbox", "--port-base", "80"], "--port-base takes a whole number from 1024 to 65000"],
    ["a topic that there is no help for", ["help", "secrets", CANARY], "there is no such command"],
    ["a missing value", ["secrets", "rotate", "--env"], "option --env needs a value"],
    ["a missing argument", ["secrets", "put"], "an argument is missing"],
    ["an unknown secret", ["secrets", "put", CANARY, "--env", "x"], "there is no such secret"],
    ["an unknown environment", ["secrets", "status", "--env", CANARY], "there is no mcpist.config.ts in this folder"],
  ])("ends with 2 and never repeats what was typed: %s", async (_what, argv, message) => {
    const { code, out, err } = await call(...argv);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(`error: ${message}`);
    expect(err).toMatch(/\nhint: {2}\S/);
    for (const form of formsOf(CANARY)) expect(out + err).not.toContain(form);
  });

  it("is one JSON object on stdout with --json, the sentence on stderr", async () => {
    const { code, out, err } = await call("secrets", "rotate", "--json", `--${CANARY}`);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toEqual({
      ok: false,
      exitCode: 2,
      error: {
        code: "ERR_USAGE",
        message: "there is no such option",
        hint: "mcpist --help, or --help after a command",
        party: "you",
        page: expect.stringMatching(/^file:\/\/\/.*\/docs\/errors\.md#help$/),
      },
    });
    expect(err).toContain("error: there is no such option (ERR_USAGE)");
    expect(out + err).not.toContain(CANARY);
  });
});

describe("an error of a command", () => {
  it("becomes its exit code, sentence and hint, in JSON too", async () => {
    const { code, out, err } = await call("secrets", "status", "--json");
    expect(code).toBe(2);
    expect(JSON.parse(out)).toEqual({
      ok: false,
      exitCode: 2,
      error: {
        code: "ERR_USAGE",
        message: "which environment? --env NAME or MCPIST_ENV is needed",
        hint: "--env production",
        party: "you",
        page: expect.stringMatching(/^file:\/\/\/.*\/docs\/errors\.md#whichenvironment$/),
      },
    });
    expect(err).toMatch(
      /^error: which environment\? --env NAME or MCPIST_ENV is needed \(ERR_USAGE\)\nhint: {2}--env production\npage: {2}.*docs\/errors\.md#whichenvironment\n$/,
    );
  });
  it("is never made out of an unknown thing's text", () => {
    const context = testContext();
    const unknown = toMcpistError(context, new RangeError(`leak ${CANARY}`));
    expect(unknown).toMatchObject({ code: "ERR_VENDOR", exitCode: 1, message: "unexpected RangeError" });
    expect(toMcpistError(context, CANARY).message).toBe("unexpected string");
    const known = new McpistError("ERR_PHASE", "x");
    expect(toMcpistError(context, known)).toBe(known);
  });
  it("names a file that could not be used, and not a program that could not be started", async () => {
    const context = testContext();
    const missing = await readFile(`${import.meta.dirname}/nowhere/at/all`).catch((cause: unknown) => cause);
    expect(toMcpistError(context, missing)).toMatchObject({
      code: "ERR_MACHINE",
      message: `${import.meta.dirname}/nowhere/at/all is not there (ENOENT)`,
      hint: "correct the path or the rights, then run the command again",
    });
    const folder = await readFile(import.meta.dirname).catch((cause: unknown) =>
      Object.assign(cause as Error, { path: import.meta.dirname }),
    );
    expect(toMcpistError(context, folder).message).toBe(`${import.meta.dirname} is a folder (EISDIR)`);
    const spawned = Object.assign(new Error("spawn terraform ENOENT"), {
      code: "ENOENT",
      syscall: "spawn terraform",
      path: "terraform",
    });
    expect(toMcpistError(context, spawned).message).toBe("unexpected Error");
  });
  it("is an interrupt with 130 whatever was thrown once Ctrl-C was pressed", () => {
    const interrupted = testContext({ signal: AbortSignal.abort() });
    expect(toMcpistError(interrupted, new TypeError("fetch failed"))).toMatchObject({
      code: "ERR_INTERRUPTED",
      exitCode: 130,
    });
    expect(toMcpistError(interrupted, new McpistError("ERR_VENDOR", "x"))).toMatchObject({ exitCode: 130 });
  });
});
