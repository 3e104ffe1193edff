import { expect, it } from "vitest";
import { ABOUT_SERVERS, ServerNews } from "./server-news.ts";

const output = (text: string) => ({ event: "server_output", server: "weather", text });
const state = (now: string) => ({ event: "server_state", server: "weather", state: now });

it("shows the last words of a server when it is down, and says when it is back", () => {
  const news = new ServerNews();
  const lines = ["one", "two", "three", "four", "five", "six"].flatMap((text) => news.lines(output(text)));
  expect(lines).toEqual([]);
  expect(news.lines(state("down"))).toEqual([
    'the server "weather" is down, and is tried again',
    "  weather: two",
    "  weather: three",
    "  weather: four",
    "  weather: five",
    "  weather: six",
  ]);
  expect([state("down"), output("seven"), state("up"), state("up")].flatMap((entry) => news.lines(entry))).toEqual([
    'the server "weather" is up again',
  ]);
});

it("says nothing of a server that comes up", () => {
  expect(new ServerNews().lines(state("up"))).toEqual([]);
});

it("names what was left out, and what changed", () => {
  const news = new ServerNews();
  const leftOut = {
    at: "2026-01-01",
    event: "tools_left_out",
    level: "warn",
    severity: "warn",
    server: "weather",
    name: 2,
  };
  expect(news.lines(leftOut)).toEqual(['tools of the server "weather" are left out: {"name":2}']);
  expect(news.lines({ event: "tool_changed", module: "weather", tool: "now" })).toEqual([
    'the tool now of the server "weather" changed and is withheld',
  ]);
});

it("is about nothing else", () => {
  expect(ABOUT_SERVERS.test('{"event":"listening","port":1}')).toBe(false);
  expect(new ServerNews().lines({ event: "listening", port: 1 })).toEqual([]);
});
