import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { run } from "./program.ts";
import { testContext } from "./test/test-context.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const documents = [
  ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
  ...readdirSync(`${ROOT}docs`, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** Lines of code blocks that a shell would run. */
function shellLines(text: string): readonly string[] {
  let language: string | null = null;
  return text.split("\n").filter((line) => {
    const fence = /^ *(?:```|~~~)(\w*)/.exec(line);
    if (fence) language = language === null ? (fence[1] ?? "") : null;
    return !fence && language !== null && ["", "sh", "bash", "console"].includes(language);
  });
}

/** Every command line of ours, from the word after `mcpist` on, without comment, redirection and pipe. */
const commandsIn = (text: string): readonly (readonly string[])[] =>
  shellLines(text).flatMap((line) => {
    const command = line.replace(/\s#\s.*$/, "");
    // `mcpist sandbox … -- mcpist …` is two commands.
    return command
      .split(/(?:^|\s|\()(?:npx )?mcpist (?:-- )?(?=[a-z-])/)
      .slice(1)
      .map((part) =>
        part
          .replace(/\s--(\s.*|$)/, "")
          .replace(/[<>|;)"`].*$/, "")
          .trim()
          .split(/\s+/),
      );
  });

/** What a command line that cannot be read is answered with. */
const UNREADABLE =
  /there is no such (command|option)|more arguments than|an argument is missing|needs a value|takes (one of|a whole number|another value)/;
/** Would start a local cloud, or write a file: only their options are looked at. */
const STARTS = new Set(["demo", "sandbox", "init"]);

/** Needs no configuration, and starts nothing. */
const OFFLINE = new Set(["completion"]);

describe("the commands in the documents", () => {
  const found = documents.flatMap((path) =>
    commandsIn(readFileSync(ROOT + path, "utf8")).map((words) => [path, words.join(" "), words] as const),
  );

  it("are found", () => {
    expect(found.length).toBeGreaterThan(20);
  });

  it.each(found)("can be read by the command line, in %s: mcpist %s", async (_path, _text, words) => {
    const [command = ""] = words;
    if (STARTS.has(command)) {
      const context = testContext();
      expect(await run([command, "--help"], context)).toBe(0);
      for (const option of words.filter((word) => word.startsWith("--"))) expect(context.out()).toContain(option);
      return;
    }
    // Without a configuration, nothing is asked and nothing is written.
    const context = testContext({ env: { PATH: "", HOME: "/nowhere" }, cwd: "/nowhere" });
    const code = await run(words, context);
    expect({ code, err: UNREADABLE.test(context.err()) ? context.err() : "" }).toEqual({
      code: words.includes("--help") || OFFLINE.has(command) ? 0 : 2,
      err: "",
    });
  });
});
