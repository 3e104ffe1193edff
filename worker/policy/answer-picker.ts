/** Picks the answer out of the text of an event stream, as it comes. No I/O. */
import { dataOf, isAnswer, MAX_EVENT_BYTES } from "./event-watch.ts";

const LINE_END = /[\r\n]/g;

export class AnswerPicker {
  /** Of the line that has not ended yet; what was passed on of it is gone. */
  #line = "";
  /** The last character ended a line, and a line feed behind it belongs to that end. */
  #afterCr = false;
  /** Data of the event that has not ended yet. */
  #data: string[] = [];
  /** Of that event. Each line counts, its end too: an empty one costs as much as its place in {@link #data}. */
  #size = 0;
  /** The event is too long for a notification: its data is passed on as it comes. */
  #open = false;
  /** What became of the beginning of a line that was too long to wait for its end. */
  #beginning: "none" | "passed" | "dropped" = "none";
  #done = false;

  /** Takes the next text, and looks at each character once. @returns what of the answer is in it, "" for nothing. */
  feed(text: string): string {
    let answer = "";
    for (let at = 0; at < text.length && !this.#done;) {
      const second = this.#afterCr && text[at] === "\n";
      this.#afterCr = false;
      if (second) {
        at++;
        continue;
      }
      LINE_END.lastIndex = at;
      const end = LINE_END.exec(text);
      this.#line += text.slice(at, end?.index);
      if (!end) break;
      this.#afterCr = end[0] === "\r";
      answer += this.#endLine();
      at = end.index + 1;
    }
    return this.#line.length > MAX_EVENT_BYTES ? answer + this.#passPart() : answer;
  }

  #endLine(): string {
    const [line, beginning] = [this.#line, this.#beginning];
    this.#line = "";
    this.#beginning = "none";
    if (beginning !== "none") return beginning === "passed" ? line : "";
    if (line === "") return this.#endEvent();
    this.#size += line.length + 1;
    const data = dataOf(line);
    return data === null ? "" : this.#keep(data);
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

  /** Keeps a line's data for the end of its event, or passes it on where the event is too long for that. */
  #keep(data: string): string {
    if (this.#open) return `\n${data}`;
    this.#data.push(data);
    if (this.#size <= MAX_EVENT_BYTES) return "";
    this.#open = true;
    const kept = this.#data.join("\n");
    this.#data = [];
    return kept;
  }

  /** What is there of a line that is too long to wait for its end. A line that is no data is dropped. */
  #passPart(): string {
    const part = this.#line;
    this.#line = "";
    if (this.#beginning !== "none") return this.#beginning === "passed" ? part : "";
    this.#size += part.length;
    const data = dataOf(part);
    this.#beginning = data === null ? "dropped" : "passed";
    return data === null ? "" : this.#keep(data);
  }
}
