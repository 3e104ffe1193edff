import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { testEnvironment } from "../test/environment.ts";
import { formsOf, script, testContext, type ScriptedAnswer } from "../test/test-context.ts";
import { notify, summaryOf, type Notice } from "./notify.ts";

const CANARY = "canary-5f0c6a1be2d49317-value";
const SECRET = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const HOOK = "https://hooks.example.com/services/T00/canary-token";
const DONE: Notice = {
  outcome: "done",
  command: "secrets rotate",
  exitCode: 0,
  runId: "r1",
  phase: "STEADY",
  from: "00000000000000aa",
  to: "00000000000000bb",
  durationMs: 42_100,
  origins: [{ name: "koyeb", text: "accepts the new secret 2/2, refuses the old one 2/2, proof: refused" }],
};
const FAILED: Notice = {
  outcome: "failed",
  command: "secrets rotate",
  exitCode: 5,
  error: { code: "ERR_TIMEOUT", message: "koyeb took too long", hint: "run the command again" },
};

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcpist-notify-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function told(notice: Notice, env: Record<string, string>, ...answers: readonly ScriptedAnswer[]) {
  const scripted = script(...answers);
  const context = testContext({ env, fetch: scripted.fetch });
  context.redactor.register(CANARY);
  await notify(
    context,
    { name: "production", environment: testEnvironment({ notifyWebhookVariable: "NOTIFY_URL" }) },
    notice,
  );
  const bodies = await Promise.all(scripted.requests.map((request) => request.text()));
  return { err: context.err(), bodies, rest: scripted.rest(), requests: scripted.requests };
}
const ok = () => new Response(null, { status: 204 });

describe("the webhook", () => {
  it("is told in one sentence and in fields how a run ended", async () => {
    const env = {
      NOTIFY_URL: HOOK,
      GITHUB_SERVER_URL: "https://github.com",
      GITHUB_REPOSITORY: "acme/mcp",
      GITHUB_RUN_ID: "77",
    };
    const { bodies, requests, err } = await told(DONE, env, ok());
    expect(requests[0]?.method).toBe("POST");
    expect(requests[0]?.redirect).toBe("error");
    expect(JSON.parse(bodies[0] ?? "")).toEqual({
      text: "mcpist production: secrets rotate is done, 00000000000000aa -> 00000000000000bb in 42.1 s",
      source: "mcpist",
      outcome: "done",
      environment: "production",
      command: "secrets rotate",
      exitCode: 0,
      runId: "r1",
      phase: "STEADY",
      from: "00000000000000aa",
      to: "00000000000000bb",
      durationMs: 42_100,
      origins: DONE.origins,
      error: null,
      workflowUrl: "https://github.com/acme/mcp/actions/runs/77",
      at: "2026-11-22T12:00:00.000Z",
    });
    expect(err).toBe("");
  });

  it.each([
    [FAILED, "mcpist production: secrets rotate failed (exit 5): koyeb took too long (ERR_TIMEOUT)"],
    [
      { outcome: "overdue", command: "secrets verify", exitCode: 3, ageDays: 97 } as const,
      "mcpist production: the gateway secret is 97 days old; rotate it with mcpist secrets rotate --env production",
    ],
    [
      { outcome: "done", command: "secrets rotate", exitCode: 0, to: "00000000000000bb" } as const,
      "mcpist production: secrets rotate is done, 00000000000000bb",
    ],
  ])("says it like this: %j", async (notice, text) => {
    const { bodies } = await told(notice, { NOTIFY_URL: HOOK }, ok());
    expect((JSON.parse(bodies[0] ?? "") as { text: string }).text).toBe(text);
  });

  it("never gets a value, whatever an error's text held", async () => {
    const leaky: Notice = {
      ...FAILED,
      error: { code: "ERR_VENDOR", message: `it said ${CANARY} and ${SECRET}`, hint: CANARY },
    };
    const { bodies, err } = await told(leaky, { NOTIFY_URL: HOOK, GITHUB_STEP_SUMMARY: join(folder, "s.md") }, ok());
    const seen = `${bodies.join()}${err}${await readFile(join(folder, "s.md"), "utf8")}`;
    for (const form of [...formsOf(CANARY), SECRET]) expect(seen).not.toContain(form);
    expect(bodies[0]).toContain("it said [secret] and [secret]");
  });

  it.each<[string, readonly ScriptedAnswer[], string]>([
    [
      "answers 500 twice",
      [new Response(null, { status: 500 }), new Response(null, { status: 500 })],
      "it answered 500",
    ],
    ["is away twice", [new TypeError("fetch failed"), new TypeError("fetch failed")], "it did not answer (TypeError)"],
  ])("that %s is noted on stderr without its URL, and nothing else happens", async (_what, answers, reason) => {
    const { err, rest } = await told(DONE, { NOTIFY_URL: HOOK }, ...answers);
    expect(err).toBe(`note  the notification was not delivered: ${reason}\n`);
    expect(rest).toBe(0);
  });
  it("is tried once more", async () => {
    const { err, bodies } = await told(DONE, { NOTIFY_URL: HOOK }, new TypeError("fetch failed"), ok());
    expect(err).toBe("");
    expect(bodies).toHaveLength(2);
  });
  it.each([
    ["its variable is empty", {}, "NOTIFY_URL is not set"],
    [
      "its URL is not https",
      { NOTIFY_URL: "http://hooks.example.com/x" },
      "NOTIFY_URL is neither an https URL nor on loopback",
    ],
    ["its URL is none", { NOTIFY_URL: CANARY }, "NOTIFY_URL is neither an https URL nor on loopback"],
  ])("is not called when %s, and the operator reads why", async (_what, env, reason) => {
    const { err } = await told(DONE, env);
    expect(err).toBe(`note  the notification was not delivered: ${reason}\n`);
  });
  it("is nobody's business where the configuration names no variable", async () => {
    const context = testContext();
    await notify(context, { name: "production", environment: testEnvironment() }, DONE);
    expect(context.err()).toBe("");
  });
});

describe("the job summary", () => {
  it("is appended to what other steps wrote", async () => {
    const file = join(folder, "summary.md");
    await writeFile(file, "before\n");
    await told(DONE, { NOTIFY_URL: HOOK, GITHUB_STEP_SUMMARY: file }, ok());
    expect(await readFile(file, "utf8")).toBe(
      `before\n### mcpist secrets rotate: done (production)

| | |
|---|---|
| exit code | 0 |
| phase | STEADY |
| old secret | 00000000000000aa |
| new secret | 00000000000000bb |
| took | 42.1 s |
| run | r1 |
| koyeb | accepts the new secret 2/2, refuses the old one 2/2, proof: refused |

`,
    );
  });
  it("keeps the text of a platform inside its cell", () => {
    const error = { code: "ERR_VENDOR", message: "a | b\n# c <img src=x> `d` [e](f) \u001b[2J", hint: null };
    expect(summaryOf("production", { ...FAILED, error })).toContain(
      "| error | a \\| b \\# c \\<img src=x\\> \\`d\\` \\[e\\](f) \uFFFD\\[2J (ERR\\_VENDOR) |",
    );
  });
  it("that cannot be written is noted, and nothing else happens", async () => {
    const { err } = await told(DONE, { NOTIFY_URL: HOOK, GITHUB_STEP_SUMMARY: folder }, ok());
    expect(err).toBe("note  the job summary was not written (EISDIR)\n");
  });
});
