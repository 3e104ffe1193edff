import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { afterClose, createBackground } from "./background.ts";

const closing = () => Object.assign(new EventEmitter(), { closed: false });

describe("work after an answer", () => {
  it("waits until the answer has left", () => {
    const [response, done] = [closing(), [] as string[]];
    const afterwards = afterClose(response, (work) => void work());
    afterwards(async () => void done.push("one"));
    expect(done).toEqual([]);
    response.emit("close");
    expect(done).toEqual(["one"]);
  });
  it("is done at once when the client has already gone", () => {
    const done: string[] = [];
    const response = closing();
    const afterwards = afterClose(response, (work) => void work());
    response.emit("close");
    afterwards(async () => void done.push("late"));
    afterClose(Object.assign(closing(), { closed: true }), (work) => void work())(async () => void done.push("closed"));
    expect(done).toEqual(["late", "closed"]);
  });
});

describe("background", () => {
  it("waits at its end for what is under way, and reports what failed", async () => {
    const errors: unknown[] = [];
    const background = createBackground((error) => errors.push(error));
    const done: string[] = [];
    background.later(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      done.push("first");
      background.later(async () => void done.push("second"));
    });
    background.later(() => Promise.reject(new Error("broken")));
    await background.stop();
    expect(done).toEqual(["first", "second"]);
    expect(errors).toHaveLength(1);
  });
  it("never runs a periodic job twice at once", async () => {
    const background = createBackground(() => {});
    let running = 0;
    let most = 0;
    background.every(1, async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 10));
      running--;
    });
    await new Promise((resolve) => setTimeout(resolve, 60));
    await background.stop();
    expect(most).toBe(1);
  });
});
