/** Picks the answer out of the text of an event stream, as it comes. No I/O. */
import { dataOf, isAnswer, MAX_EVENT_BYTES } from "./event-watch.ts";

const LINE_END = /\r\n?|\n/;

export class AnswerPicker {
  /** Of the line that has not ended yet; without its name once a part of it has been passed on. */
  #rest = "";
  /** Data of the event that has not ended yet. */
  #data: string[] = [];
  #size = 0;
  /** The event is too long for a notification: its data is passed on as it comes. */
  #open = false;
  /** What became of the beginning of the line in {@link #rest}, when it was too long to wait for its end. */
  #beginning: "none" | "passed" | "dropped" = "none";
  #done = false;

  /** Takes the next text. @returns what of the answer is in it, "" for nothing. */
  feed(text: string): string {
    let answer = "";
    this.#rest += text;
    while (!this.#done) {
      const end = LINE_END.exec(this.#rest);
      // A carriage return may be the first half of a line end.
      if (!end || (end[0] === "\r" && end.index === this.#rest.length - 1)) break;
      answer += this.#endLine(this.#rest.slice(0, end.index));
      this.#rest = this.#rest.slice(end.index + end[0].length);
    }
    if (this.#done) this.#rest = "";
    else if (this.#rest.length > MAX_EVENT_BYTES) answer += this.#passPart();
    return answer;
  }

  #endLine(line: string): string {
    const beginning = this.#beginning;
    this.#beginning = "none";
    if (beginning !== "none") return beginning === "passed" ? line : "";
    if (line === "") return this.#endEvent();
    const data = dataOf(line);
    if (data === null) return "";
    if (this.#open) return `\n${data}`;
    this.#data.push(data);
    this.#size += data.length;
    return this.#size > MAX_EVENT_BYTES ? this.#begin() : "";
  }

  #endEvent(): string {
    const data = this.#data.join("\n");
    this.#data = [];
    this.#size = 0;
    if (this.#open) this.#done = true;
    else if (data !== "" && isAnswer(data)) {
      this.#done = true;
      return data;
    }
    return "";
  }

  #begin(): string {
    this.#open = true;
    const data = this.#data.join("\n");
    this.#data = [];
    return data;
  }

  /** What is there of a line that is too long to wait for its end. A line that is no data is dropped. */
  #passPart(): string {
    const line = this.#rest;
    this.#rest = line.endsWith("\r") ? "\r" : "";
    const part = line.slice(0, line.length - this.#rest.length);
    if (this.#beginning !== "none") return this.#beginning === "passed" ? part : "";
    const data = dataOf(part);
    this.#beginning = data === null ? "dropped" : "passed";
    if (data === null) return "";
    if (this.#open) return `\n${data}`;
    this.#data.push(data);
    return this.#begin();
  }
}
