import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { type Description, deviations, type Exchange } from "./check.ts";
import { operation } from "./github/described.ts";
import { isOthersRequest, KNOWN_DEVIATIONS } from "./known.ts";

const MISSPELT = { fields: { sha: "string", Url: "string" } } as const;

const description: Description = {
  vendor: "any",
  operations: [
    {
      operation: "ListThings",
      method: "GET",
      path: "/v1/things/{id}/parts",
      query: {
        limit: "number",
        statuses: { list: { enum: ["ON", "OFF"] } },
        "label.{key}": "string",
        only: { list: { enum: ["A", "B"] }, commas: true },
      },
      statuses: [200],
      answer: { fields: { parts: { list: "#Part" }, count: "number" } },
    },
    {
      operation: "MakeThing",
      method: "POST",
      path: "/v1/things",
      query: {},
      body: { fields: { name: "string", labels: { map: "string" } } },
      statuses: [200],
      answer: "any",
    },
  ],
  refusals: [404],
  error: { fields: { message: "string" } },
  shapes: { Part: { fields: { id: "string", status: { enum: ["ON", "OFF"] } } } },
};
const exchange = (change: Partial<Exchange>): Exchange => ({
  method: "GET",
  path: "/v1/things/a1/parts",
  query: new URLSearchParams(),
  request: null,
  status: 200,
  answer: { parts: [{ id: "p", status: "ON" }], count: 1 },
  ...change,
});

describe("an exchange", () => {
  it("that is as described deviates in nothing", () => {
    const query = new URLSearchParams("limit=5&statuses=ON&statuses=OFF&label.a=1&label.b=2&only=A,B");
    expect(deviations(description, exchange({ query }))).toEqual([]);
    expect(deviations(description, exchange({ status: 404, answer: { message: "m" } }))).toEqual([]);
    const made = { method: "POST", path: "/v1/things", request: { name: "n", labels: { a: "b" } } };
    expect(deviations(description, exchange(made))).toEqual([]);
  });

  it.each<[string, Partial<Exchange>, string]>([
    ["a parameter", { query: new URLSearchParams("page=1") }, "ListThings ?page: is no parameter"],
    [
      "a parameter's value",
      { query: new URLSearchParams("statuses=UP") },
      "ListThings ?statuses: is no value of the enum",
    ],
    [
      "one of a list with commas",
      { query: new URLSearchParams("only=A,C") },
      "ListThings ?only: is no value of the enum",
    ],
    ["commas", { query: new URLSearchParams("statuses=ON,OFF") }, "ListThings ?statuses: is no value of the enum"],
    ["a number", { query: new URLSearchParams("limit=x") }, "ListThings ?limit: is no number"],
    ["a parameter of a family", { query: new URLSearchParams("mark.a=1") }, "ListThings ?mark.a: is no parameter"],
    ["a status", { status: 202 }, "ListThings 202: is no status"],
    ["a field", { answer: { parts: [], more: 1 } }, "ListThings answer.more: is no field"],
    ["a type", { answer: { count: "1" } }, "ListThings answer.count: is no number"],
    ["an enum", { answer: { parts: [{ status: "UP" }] } }, "ListThings answer.parts[].status: is no value of the enum"],
    ["the shape of an error", { status: 404, answer: { error: "m" } }, "ListThings answer.error: is no field"],
    ["an operation", { path: "/v1/other" }, "GET /v1/other: is no operation of the excerpt"],
    ["a body", { method: "POST", path: "/v1/things", request: { nme: "n" } }, "MakeThing request.nme: is no field"],
  ])("tells %s that the description does not have", (_what, change, said) => {
    expect(deviations(description, exchange(change))).toEqual([said]);
  });
});

it("an excerpt that says what GitHub does not describe is no TypeScript", () => {
  // @ts-expect-error no such path
  operation("get", "/repos/{owner}/{repo}/secrets", { statuses: [200] });
  // @ts-expect-error no such method
  operation("delete", "/user", { statuses: [204] });
  // @ts-expect-error no such status
  operation("get", "/repos/{owner}/{repo}/topics", { statuses: [202] });
  // @ts-expect-error no such parameter
  operation("get", "/repos/{owner}/{repo}/topics", { query: { size: "number" }, statuses: [200] });
  const ref = "/repos/{owner}/{repo}/git/ref/{ref}";
  const answer = { fields: { object: MISSPELT } } as const;
  // @ts-expect-error no such field, deep inside and not written here
  operation("get", ref, { statuses: [200], answer });
  // @ts-expect-error no such value of an enum
  operation("get", "/repos/{owner}/{repo}/issues", { query: { state: { enum: ["shut"] } }, statuses: [200] });
  // @ts-expect-error no such field of a body
  operation("post", "/repos/{owner}/{repo}/git/refs", { body: { fields: { Ref: "string" } }, statuses: [201] });
  const { path } = operation("get", "/repos/{owner}/{repo}/topics", { statuses: [200] });
  expect(path).toBe("/repos/{owner}/{repo}/topics");
});

it("every deviation that is meant is in the manual, with its reason", async () => {
  const manual = await readFile(new URL("../../../docs/sandbox.md", import.meta.url), "utf8");
  const rows = manual.replaceAll(/ +/g, " ");
  const missing = KNOWN_DEVIATIONS.map(({ vendor, why }) => `| ${vendor} | ${why} |`).filter(
    (row) => !rows.includes(row),
  );
  expect(missing).toEqual([]);
});

describe("what a program of somebody else's sends", () => {
  it.each([
    ["wrangler/4.120.0", "PUT /accounts/{account_id}/workers/scripts/{script} ?excludeScript: is no parameter", true],
    ["go-github/v81", "POST /repos/{owner}/{repo}/rulesets request.source: is no field", true],
    ["flyctl/0.4.1", "GET /v1/apps/{id}/secrets: is no operation of the excerpt", true],
    ["flyctl/0.4.1", "MachinesStop request.id: is no field", true],
    ["flyctl/0.4.1", "MachinesDelete ?kill: is no parameter", true],
    ["flyctl/0.4.1", "MachinesShow answer.version: is no field", false],
    ["mcpist", "MachinesStop request.id: is no field", false],
    ["wrangler/4.120.0", "GET /accounts/{account_id}/workers/scripts answer.result[].x: is no field", false],
    ["wrangler/4.120.0", "GET /repos/{owner}/{repo}/issues 410: is no status", false],
    ["mcpist", "PUT /accounts/{account_id}/workers/scripts/{script} ?excludeScript: is no parameter", false],
    ["node", "POST /repos/{owner}/{repo}/rulesets request.source: is no field", false],
    ["test", "POST /repos/{owner}/{repo}/rulesets request.source: is no field", false],
    [null, "POST /repos/{owner}/{repo}/rulesets request.source: is no field", false],
  ])("is its own, but not what it is answered: %s, %s", (agent, deviation, others) => {
    expect(isOthersRequest(agent, deviation)).toBe(others);
  });
});
