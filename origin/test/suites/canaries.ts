/**
 * Whatever fails, nothing of it is told: every statement, the broker, a provider, the webhook and a tool fail in turn with a text that
 * must not be seen, and answers, lines, rows and metrics are searched for it in every form.
 */
import { describe, expect, it } from "vitest";
import { GATEWAY_SECRET_HEADER } from "../../../contract/headers.ts";
import type { Database } from "../../database/database.ts";
import { METRICS_PATH } from "../../http/server.ts";
import type { TestDatabase } from "../database.ts";
import { CANARY, createLab, formsOf } from "../modules.ts";
import { callTool, getSchema, modern, newSecret, newUser, post, startOrigin } from "../origin.ts";

/** An error as drivers and `fetch` make them: the text is in every field. */
function loud(): Error {
  const error = new Error(`near "${CANARY}"`, { cause: new TypeError(CANARY) });
  return Object.assign(error, {
    name: CANARY,
    code: CANARY,
    detail: CANARY,
    hint: CANARY,
    query: CANARY,
    parameters: [CANARY],
    address: CANARY,
  });
}

/** Where it fails; a text stands for statements that contain it. */
const FAILURES = [
  ["reading permissions", "permissions_version::text as version,"],
  ["claiming", "insert into mcpist.call_claims"],
  ["finishing a claim", "update mcpist.call_claims"],
  ["finding a verdict", "bool_or(t.decoy)"],
  ["writing events", "insert into mcpist.security_events"],
  ["counting", "insert into mcpist.usage_counters"],
  ["comparing versions", "json_array_elements_text"],
  ["everything", ""],
] as const;

export function describeCanaries(database: () => TestDatabase): void {
  describe("what fails", () => {
    it.each(FAILURES)("is not told by anybody when it is %s", async (_, statement) => {
      let failing = false;
      const brokerSecret = newSecret();
      const origin = await startOrigin(database(), {
        brokerSecret,
        lab: createLab(),
        config: { brokerUrl: "https://broker.example", alertWebhook: "https://alerts.example" },
        fetch: (() => Promise.reject(loud())) as unknown as typeof fetch,
        wrap: (inner: Database) => ({
          ...inner,
          query: (text, parameters) =>
            failing && text.includes(statement) ? Promise.reject(loud()) : inner.query(text, parameters),
          listen: () => Promise.reject(loud()),
        }),
      });
      const tools = ["read", "effect", "upsert", "leak", "token", "explain"].map((tool) => ["lab", tool] as const);
      const [known, other] = [
        await newUser(database(), { grants: tools }),
        await newUser(database(), { grants: tools }),
      ];
      await callTool(origin, known, "lab", "read");
      failing = true;
      const answers: Response[] = [];
      for (const userId of [known, other]) {
        for (const [module, tool] of tools) answers.push(await callTool(origin, userId, module, tool, { text: "" }));
        answers.push(await callTool(origin, userId, "time", "set_system_clock"));
        answers.push(await callTool(origin, userId, CANARY.repeat(4), `${CANARY}\n`));
        answers.push(await callTool(origin, userId, "lab", "read", { [CANARY]: 1 }).then(withoutOwnParams));
        answers.push(await getSchema(origin, userId, `${CANARY} `));
        answers.push(await post(origin, { userId, body: `{"${CANARY}` }));
        answers.push(await post(origin, { userId, body: [modern(CANARY, {})] }));
        answers.push(
          await post(origin, {
            userId,
            body: modern("tools/list", {}),
            headers: { traceparent: CANARY, cookie: CANARY },
          }),
        );
      }
      answers.push(await fetch(`${origin.url}/mcp`, { method: "POST", headers: { [GATEWAY_SECRET_HEADER]: CANARY } }));
      answers.push(await post(origin, { userId: CANARY, body: {} }));
      answers.push(await fetch(`${origin.url}/health/ready`, { headers: { [GATEWAY_SECRET_HEADER]: origin.secret } }));
      const texts = await Promise.all(
        answers.map(async (answer) => JSON.stringify([...answer.headers]) + (await answer.text())),
      );
      await origin.assembled.pollPermissions().catch(() => {});
      await origin.assembled.syncUsage();
      await origin.assembled.judgeRefusals();
      await origin.assembled.flushLog();
      const metrics = await (
        await fetch(origin.url + METRICS_PATH, { headers: { [GATEWAY_SECRET_HEADER]: origin.secret } })
      ).text();
      failing = false;
      await origin.stop();

      const rows = await database().admin.query<{ row: string }>(
        "select to_jsonb(e)::text as row from mcpist.security_events e",
      );
      expect(metrics).toContain("mcpist_requests_total");
      expect(origin.lines.length).toBeGreaterThan(5);
      const forms = [CANARY, origin.secret, brokerSecret].flatMap(formsOf);
      for (const form of forms)
        for (const place of [...texts, JSON.stringify(origin.lines), metrics, ...rows.map(({ row }) => row)])
          expect(place).not.toContain(form);
    });
  });
}

/** A caller may read the names of its own parameters. */
const withoutOwnParams = async (response: Response): Promise<Response> =>
  new Response((await response.text()).replaceAll(CANARY, ""), response);
