import { describe, expect, it } from "vitest";
import { answerForm } from "./accept.ts";

describe("the form of answers", () => {
  it.each([
    ["application/json, text/event-stream", "both"],
    ["text/event-stream, application/json", "both"],
    ["application/json,text/event-stream", "both"],
    ["Application/JSON, Text/Event-Stream", "both"],
    ["application/json;q=0.9, text/event-stream;q=0.8", "both"],
    ["text/event-stream, */*;q=0.1", "both"],
    ["application/*, text/*", "both"],
    ["application/json; charset=utf-8, text/event-stream", "both"],
    [undefined, "json"],
    ["", "json"],
    ["*/*", "json"],
    ["application/json", "json"],
    ["application/*", "json"],
    ["application/json, text/plain, */*", "json"],
    ["application/json, application/mcp+json", "json"],
    ["application/json, text/event-stream;q=0", "json"],
    ["application/json, text/event-stream; Q=0.000", "json"],
    ["application/json, text/event-streams", "json"],
    ["text/*, text/event-stream;q=0", "json"],
    ["text/html", "json"],
    ["application/json;q=0", "json"],
    ["text/event-stream", "events"],
    ["text/event-stream;charset=utf-8", "events"],
    ["text/*", "events"],
    ["text/event-stream, application/json;q=0", "events"],
    ["text/event-stream, application/json;q=0, */*", "events"],
    ["text/event-stream, application/*;q=0, */*", "events"],
    ["text/event-stream, application/json;q=none", "events"],
    [", ,;;,", "json"],
  ])("for Accept: %s is %s", (accept, form) => {
    expect(answerForm(accept)).toBe(form);
  });
});
