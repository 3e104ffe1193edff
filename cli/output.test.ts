import { describe, expect, it, vi } from "vitest";
import { McpistError } from "./errors.ts";
import { HINTS } from "./hints/hints.ts";
import { printError, printJson, Progress, styles } from "./output.ts";
import { testContext } from "./test/test-context.ts";

const CANARY = "canary-5f0c6a1be2d49317-value";
const withCanary = (options: Parameters<typeof testContext>[0] = {}) => {
  const context = testContext(options);
  context.redactor.register(CANARY);
  return context;
};

describe("an error", () => {
  it("is one line with its code and one line with what to do, on stderr", () => {
    const context = testContext();
    printError(context, new McpistError("ERR_LOCKED", "somebody holds the lock", { hint: HINTS.again() }), false);
    expect(context.err()).toMatch(
      /^error: somebody holds the lock \(ERR_LOCKED\)\nhint:  run the command again\npage:  .*docs\/errors\.md#again\n$/,
    );
    expect(context.out()).toBe("");
  });
  it.each([
    [
      40,
      'error: another run holds the lock of\n       this environment (ERR_LOCKED)\nhint:  bring koyeb back, or set its\n       state to "quarantined" in\n       mcpist.config.ts and take it out\n       of the pool on purpose:\n       mcpist origins quarantine koyeb\n',
    ],
    [
      80,
      'error: another run holds the lock of this environment (ERR_LOCKED)\nhint:  bring koyeb back, or set its state to "quarantined" in mcpist.config.ts\n       and take it out of the pool on purpose: mcpist origins quarantine koyeb\n',
    ],
  ])("breaks neither word nor command on a terminal of %i columns", (columns, said) => {
    const plain = testContext({ terminal: true });
    const context = { ...plain, stderr: { write: (text: string) => plain.stderr.write(text), isTTY: true, columns } };
    const message = "another run holds the lock of this environment";
    printError(context, new McpistError("ERR_LOCKED", message, { hint: HINTS.bringBack("koyeb") }), false);
    expect(plain.err().replace(/page:.*\n/, "")).toBe(said);
    const whole = testContext();
    printError({ ...context, stderr: whole.stderr }, new McpistError("ERR_LOCKED", message), false);
    expect(whole.err()).toContain(`error: ${message} (ERR_LOCKED)\n`);
  });
  it("shows the cause only with --debug, and redacted", () => {
    const error = new McpistError("ERR_VENDOR", `it said ${CANARY}`, {
      cause: new Error(`deep ${CANARY}`),
      hint: HINTS.didYouMean(CANARY),
    });
    const quiet = withCanary();
    printError(quiet, error, false);
    expect(quiet.err()).toMatch(
      /^error: it said \[secret\] \(ERR_VENDOR\)\nhint:  did you mean \[secret\]\?\npage:  .*\n$/,
    );
    const loud = withCanary();
    printError(loud, error, true);
    expect(loud.err()).toContain("Error: deep [secret]");
    expect(loud.err()).not.toContain(CANARY);
  });
  it("cannot move the cursor of a terminal", () => {
    const context = testContext();
    printError(context, new McpistError("ERR_VENDOR", "evil \u001b[2J name"), false);
    expect(context.err()).toMatch(/^error: evil \uFFFD\[2J name \(ERR_VENDOR\)\npage:  .*#err_vendor\n$/);
  });
});

describe("colour", () => {
  it("is used on a terminal only, and never where NO_COLOR is set", () => {
    const coloured = testContext({ terminal: true, env: { NO_COLOR: undefined } });
    expect(styles(coloured, coloured.stdout)("green", "x")).toBe("\u001b[32mx\u001b[39m");
    const refused = testContext({ terminal: true, env: { NO_COLOR: "1" } });
    expect(styles(refused, refused.stdout)("green", "x")).toBe("x");
    const dumb = testContext({ terminal: true, env: { NO_COLOR: undefined, TERM: "dumb" } });
    expect(styles(dumb, dumb.stdout)("green", "x")).toBe("x");
    const piped = testContext({ env: { NO_COLOR: undefined } });
    expect(styles(piped, piped.stdout)("green", "x")).toBe("x");
  });
});

describe("the answer in JSON", () => {
  it("is one object on stdout, without values", () => {
    const context = withCanary();
    printJson(context, { ok: true, text: `with ${CANARY}` });
    expect(JSON.parse(context.out())).toEqual({ ok: true, text: "with [secret]" });
    expect(context.out().endsWith("}\n")).toBe(true);
  });
});

describe("progress", () => {
  it("is one line per step with its duration, in the order in which steps end", async () => {
    const context = withCanary();
    const progress = new Progress(context, { json: false });
    const first = progress.begin("first");
    const second = progress.begin(`second ${CANARY}`);
    await context.sleep(1500);
    second("failed");
    progress.note("look here");
    first("done");
    await progress.end();
    expect(context.err()).toBe("failed  second [secret] (1.5 s)\nnote  look here\ndone  first (1.5 s)\n");
    expect(progress.steps).toEqual([
      { name: `second ${CANARY}`, startedMs: 0, durationMs: 1500, outcome: "failed" },
      { name: "first", startedMs: 0, durationMs: 1500, outcome: "done" },
    ]);
  });
  it("has no line of more than 80 columns, whatever a step or a note is called", async () => {
    const context = testContext();
    const progress = new Progress(context, { json: false });
    progress.begin("list the tools of billing, calendar, contacts, documents, mail, tickets and weather")("done");
    progress.begin("write GitHub, the one of the environment that nobody has named before, and once more")("failed");
    progress.note("point of no return: 3d06772b2bebeb63 is what nobody may send any more, ac94191a1195b59c stays");
    await progress.end();
    const lines = context.err().trimEnd().split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.map((line) => /^(?:\S+  | {6})\S/.test(line))).toEqual(lines.map(() => true));
    expect(lines).toHaveLength(6);
  });
  it("stays on stderr in lines when the answer is JSON, even on a terminal", async () => {
    const context = testContext({ terminal: true });
    const progress = new Progress(context, { json: true });
    progress.begin("step")("done");
    await progress.end();
    expect(context.err()).toBe("done  step (0.0 s)\n");
    expect(context.out()).toBe("");
  });
});

describe("progress on something that only says that it is a terminal", () => {
  it("is lines on stderr all the same: nothing is drawn anywhere else", async () => {
    const written: string[] = [];
    const spy = vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
    const context = testContext({ terminal: true });
    try {
      const progress = new Progress(context, { json: false });
      progress.begin("step")("done");
      await progress.end();
    } finally {
      spy.mockRestore();
    }
    expect(context.err()).toBe("done  step (0.0 s)\n");
    expect(written).toEqual([]);
  });
});

describe("a wait", () => {
  it("is told with whom and for what as long as it lasts, and not after it", async () => {
    const context = testContext();
    const progress = new Progress(context, { json: false });
    await context.waits.during("fly: Machine m1 to boot", async () => {
      progress.tellWaits();
    });
    progress.tellWaits();
    await progress.end();
    expect(context.err()).toBe("wait  fly: Machine m1 to boot\n");
  });

  it("is told within 80 columns, whatever is waited for", async () => {
    const context = testContext();
    const progress = new Progress(context, { json: false });
    const path = `/client/v4/accounts/${"0".repeat(32)}/workers/scripts/gateway/deployments/${"1".repeat(36)}`;
    await context.waits.during(`Cloudflare: its answer to GET ${path}, which is not here yet, 30 s more`, async () => {
      progress.tellWaits();
    });
    await progress.end();
    const lines = context.err().trimEnd().split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.map((line) => line.slice(0, 6))).toEqual(["wait  ", "      ", "      ", "      "]);
    expect(lines.map((line) => line.slice(6)).join("")).toContain(path);
  });
});
