import { describe, expect, it } from "vitest";
import { createRecent, hiding, stderrLines } from "./stderr.ts";

function collect() {
  const lines: string[] = [];
  let now = 0;
  const take = stderrLines(
    (line) => lines.push(line),
    () => now,
  );
  return { lines, take, later: (ms: number) => void (now += ms) };
}

describe("standard error of a server", () => {
  it("becomes lines, wherever the pieces are cut", () => {
    const { lines, take } = collect();
    for (const piece of ["star", "ting\nrea", "dy\n\n", "half"]) take(piece);
    expect(lines).toEqual(["starting", "ready"]);
  });

  it("cannot write into a terminal or a log what is not there", () => {
    const { lines, take } = collect();
    take("a\u001b[31mred\u202eevil\u009b2J\r\n");
    expect(lines).toEqual(["a\u{fffd}[31mred\u{fffd}evil\u{fffd}2J\u{fffd}"]);
  });

  it("says nothing of a token that was sent lately, however it is printed", () => {
    const recent = createRecent();
    const hide = hiding([], recent.values);
    recent.add("gho_1.a-b/c+d=");
    expect(hide(`token gho_1.a-b/c+d= or ${encodeURIComponent("gho_1.a-b/c+d=")}`)).toBe("token [secret] or [secret]");
    for (let n = 0; n < 99; n++) recent.add(`other-${n}`);
    expect(hide("gho_1.a-b/c+d=")).toBe("[secret]");
    recent.add("other-99");
    expect(recent.values()).toHaveLength(100);
  });

  it("is cut, and counted when it is too much", () => {
    const { lines, take, later } = collect();
    take(`${"x".repeat(100_000)}\n`);
    for (let index = 0; index < 1_000; index++) take("again\n");
    expect(lines).toHaveLength(20);
    expect(lines[0]).toHaveLength(500);
    later(10_000);
    take("later\n");
    expect(lines.slice(20)).toEqual(["(981 more lines)", "later"]);
  });

  it.each([
    ["JSON", JSON.stringify({ _meta: { "mcpist/account-token": "gho_1.a-b/c+d=", b: 1 } })],
    ["JSON in JSON", JSON.stringify({ got: JSON.stringify({ "mcpist/account-token": "gho_1.a-b/c+d=", b: 1 }) })],
    ["JSON with a quote in it", JSON.stringify({ "mcpist/account-token": 'gho_1"a-b/c+d=', b: 1 })],
    ["JSON with escaped slashes", String.raw`{"mcpist\/account-token":"gho_1.a-b\/c+d=","b":1}`],
    ["JSON with spaces", '{ "mcpist/account-token" : "gho_1.a-b/c+d=" }'],
    ["JSON that is cut", '{"mcpist/account-token":"gho_1.a-b/c+d='],
    ["JSON over a carriage return", '{"mcpist/account-token":"gho_1\r.a-b/c+d="}'],
    ["Python", "{'_meta': {'mcpist/account-token': 'gho_1.a-b/c+d=', 'b': 1}}"],
    ["Go", "map[_meta:map[mcpist/account-token:gho_1.a-b/c+d= b:1]]"],
    ["Ruby", '{"mcpist/account-token"=>"gho_1.a-b/c+d="}'],
  ])("says nothing of the account token of a user in a request that a server prints, as %s", (_as, request) => {
    const lines: string[] = [];
    const take = stderrLines(
      (line) => lines.push(line),
      () => 0,
      hiding([]),
    );
    take(`got ${request} and ${request}\n`);
    expect(lines[0]?.match(/account-token/g)?.length).toBeGreaterThanOrEqual(1);
    expect(lines.join()).toContain("[secret]");
    expect(lines.join()).not.toMatch(/gho_|a-b|c\+d/);
  });

  it("keeps what stands beside the account token of a user", () => {
    const clean = hiding([]);
    expect(clean('{"a":1,"mcpist/account-token":"t","b":"c"} mcpist/account-token is missing')).toBe(
      '{"a":1,"mcpist/account-token":"[secret]","b":"c"} mcpist/account-token is missing',
    );
    expect(clean("{'mcpist/account-token': 't', 'b': 1}")).toBe("{'mcpist/account-token': '[secret]', 'b': 1}");
  });

  it("says nothing of what a server was given, also where a line is cut in the middle of it", () => {
    const lines: string[] = [];
    const take = stderrLines(
      (line) => lines.push(line),
      () => 0,
      hiding(["s3cr3t value", "s3cr3t value of two", "abc"]),
    );
    take("key=s3cr3t val");
    take("ue of two abc\n");
    take(`${"x".repeat(495)}s3cr3t value\n`);
    take(`${Buffer.from("s3cr3t value").toString("base64")} s3cr3t%20value\n`);
    expect(lines).toEqual(["key=[secret] abc", `${"x".repeat(495)}[secr`, "[secret] [secret]"]);
  });
});
