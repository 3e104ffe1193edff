import { describe, expect, it } from "vitest";
import { blocksOf, commandsOf, programsOf, titleOf, type Block } from "./blocks.ts";

const FENCE = "```";
const only = (document: string): Block => {
  const [block] = blocksOf("page.md", document);
  if (!block) throw new TypeError("no block");
  return block;
};

describe("a document's command blocks", () => {
  it("are found with their place, in lists without the list's indentation", () => {
    const document = `text\n\n1. step\n   ${FENCE}sh\n   one\n     two\n   ${FENCE}\n${FENCE}sql\nselect 1;\n${FENCE}\n${FENCE}ts\nx\n${FENCE}\n`;
    expect(blocksOf("page.md", document).map(({ line, language, text }) => [line, language, text])).toEqual([
      [4, "sh", "one\n  two"],
      [8, "sql", "select 1;"],
      [11, "other", "x"],
    ]);
  });
  it("are run as they stand when nothing is said", () => {
    expect(only(`${FENCE}sh\nmcpist demo\n${FENCE}\n`)).toMatchObject({
      notRun: null,
      notes: { exits: [0], stdin: null, scenario: null, apart: false, state: null, stays: null, placeholders: [] },
    });
  });
  it("are left out for a reason", () => {
    expect(only(`<!-- NOT RUN: nobody can -->\n${FENCE}sh\nx\n${FENCE}\n`).notRun).toBe("nobody can");
  });
  it("are run as the comment says", () => {
    const comment =
      "run: exit=0,5; stdin=$URL; scenario=fly-down; apart=yes; state=koyeb:joining; stays=It runs.; APP/SERVICE=a/b; ID=$(fly list | head -1)";
    expect(only(`   <!-- ${comment} -->\n   ${FENCE}sh\n   x\n   ${FENCE}\n`).notes).toEqual({
      exits: [0, 5],
      stdin: "$URL",
      scenario: "fly-down",
      apart: true,
      state: ["koyeb", "joining"],
      stays: "It runs.",
      placeholders: [
        ["APP/SERVICE", "a/b"],
        ["ID", "$(fly list | head -1)"],
      ],
    });
  });
  it.each(["exits=0", "nothing", "=1"])("are refused with a comment that nobody understands: %s", (note) => {
    expect(() => blocksOf("page.md", `<!-- run: ${note} -->\n${FENCE}sh\nx\n${FENCE}\n`)).toThrow("page.md:2");
  });
  it("have one command a line, and longer ones where a line goes on", () => {
    const text = "# first\na --b \\\n  c\nd |\n  e\nf &&\n  g\n\nh   # last";
    expect(commandsOf({ text })).toEqual(["a --b \\\n  c", "d |\n  e", "f &&\n  g", "h   # last"]);
  });
  it.each<[string, string, readonly string[]]>([
    ["sh", "fly machine list\nA=1 koyeb services pause x | jq .", ["flyctl", "koyeb", "jq"]],
    ["sh", "mcpist sandbox -- gh secret list", ["gh"]],
    ["sh", "koyeb_api() { true; }\nkoyeb=x\nmcpist secrets status", []],
    ["sql", "select 1;", ["psql"]],
  ])("need programs that may be absent: %s %j", (language, text, programs) => {
    expect(programsOf(only(`${FENCE}${language}\n${text}\n${FENCE}\n`))).toEqual(programs);
  });
  it("have a name that says where they are", () => {
    expect(titleOf(only(`${FENCE}sh\nmcpist demo\n${FENCE}\n`))).toBe("page.md:1 mcpist demo");
  });
});
