import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AnswerPicker } from "./answer-picker.ts";

const ANSWER = '{"jsonrpc":"2.0","id":1,"result":{}}';
const PROGRESS = '{"jsonrpc":"2.0","method":"notifications/progress","params":{}}';
const event = (data: string, end = "\n") => `event: message${end}data: ${data}${end}${end}`;
/** What is picked of texts that come one after another. */
function pick(...texts: readonly string[]): string {
  const picker = new AnswerPicker();
  return texts.map((text) => picker.feed(text)).join("");
}

describe("the answer in an event stream", () => {
  it.each([
    ["alone", event(ANSWER)],
    ["after comments and progress", `: keepalive\n\n${event(PROGRESS)}: keepalive\n\n${event(ANSWER)}`],
    ["with carriage returns", event(ANSWER, "\r\n")],
    ["with nothing but carriage returns", event(ANSWER, "\r")],
    ["without a space behind the name", `data:${ANSWER}\n\n`],
    ["before what must not be there any more", event(ANSWER) + event(ANSWER)],
    ["after an event without data", `id: 1\nretry: 5\n\n${event(ANSWER)}`],
  ])("is picked %s", (_, text) => {
    expect(pick(text)).toBe(ANSWER);
  });

  it("keeps the line ends between its lines of data", () => {
    expect(pick('data: {"jsonrpc":"2.0","id":1,\ndata: "result":{}}\n\n')).toBe(
      '{"jsonrpc":"2.0","id":1,\n"result":{}}',
    );
  });

  it("is nothing before its event has ended, and nothing of a stream without one", () => {
    expect(pick(`data: ${ANSWER}\n`)).toBe("");
    expect(pick(event(PROGRESS), event("no JSON"), ": bye\n\n")).toBe("");
  });

  it("is the same wherever the text is cut", () => {
    const text = `: k\r\n\r\n${event(PROGRESS, "\r\n")}${event(ANSWER, "\r\n")}`;
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 6 }), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        expect(pick(...at.slice(1).map((end, i) => text.slice(at[i], end)))).toBe(ANSWER);
      }),
    );
  });

  describe("that is longer than any notification", () => {
    const long = `{"jsonrpc":"2.0","id":1,"result":"${"x".repeat(300_000)}"}`;
    const pieces = (text: string, size: number) => text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];

    it.each([10, 1_000, 65_536, 70_000, 1_000_000])("comes through whole in pieces of %i", (size) => {
      for (const end of ["\n", "\r\n"]) expect(pick(...pieces(event(PROGRESS) + event(long, end), size))).toBe(long);
    });

    it("is passed on as it comes", () => {
      const picker = new AnswerPicker();
      expect(picker.feed(`data: ${long.slice(0, 100_000)}`)).toBe(long.slice(0, 100_000));
      expect(picker.feed(long.slice(100_000, 150_000)) + picker.feed(long.slice(150_000, 250_000))).toBe(
        long.slice(100_000, 250_000),
      );
      expect(picker.feed(`${long.slice(250_000)}\n\n`)).toBe(long.slice(250_000));
    });

    it("may have many lines of data", () => {
      const lines = Array.from({ length: 5_000 }, (_, i) => `"line ${i} of many, many lines"`);
      const text = `{"jsonrpc":"2.0","id":1,"result":[\n${lines.join(",\n")}\n]}`;
      expect(pick(...pieces(`${text.replaceAll(/^/gm, "data: ")}\n\n`, 9_999))).toBe(text);
    });
  });

  it.each([
    ["empty lines of data", "data:\n"],
    ["comments", ":\n"],
  ])("is what comes after too many %s, of which each counts", (_, line) => {
    const picker = new AnswerPicker();
    picker.feed(line.repeat(70_000) + "data: x\n");
    expect(picker.feed("data: y\n")).toBe("\ny");
  });

  it("is not a comment without an end", () => {
    const comment = `:${"x".repeat(100_000)}`;
    expect(pick(comment, comment, "\n\n", event(ANSWER))).toBe(ANSWER);
  });
});
