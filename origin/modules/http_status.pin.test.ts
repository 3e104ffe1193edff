/** Where http_status connects to: the address that was checked, whatever the name says a moment later (DNS rebinding). */
import { EventEmitter } from "node:events";
import type { RequestOptions } from "node:http";
import { expect, it, vi } from "vitest";
import { httpStatus } from "./http_status.ts";

const sent = vi.hoisted(() => [] as { readonly lookup?: unknown }[]);
vi.mock("node:http", async (original) => ({
  ...(await original<typeof import("node:http")>()),
  request: (_url: URL, options: RequestOptions) => {
    sent.push(options);
    const request = Object.assign(new EventEmitter(), {
      destroy: () => undefined,
      end: () => queueMicrotask(() => request.emit("response", { statusCode: 204 })),
    });
    return request;
  },
}));

it("connects to the address that it checked and asks for the name's no second time", async () => {
  const answers = ["93.184.216.34", "169.254.169.254"];
  const resolve = vi.fn(async () => [answers.shift() ?? ""]);
  const module = httpStatus({ hosts: ["status.example.com"], allowLoopback: false, resolve });
  const context = { signal: new AbortController().signal, now: () => new Date(0) };
  const check = module.tools.find(({ name }) => name === "check");
  expect(await check?.run({ url: "http://status.example.com/", method: "HEAD" }, context as never)).toMatchObject({
    status: 204,
  });
  const { lookup } = sent[0] as {
    lookup: (name: string, options: object, done: (...found: unknown[]) => void) => void;
  };
  const found: unknown[] = [];
  lookup("status.example.com", { all: true }, (...answer) => found.push(answer));
  lookup("status.example.com", {}, (...answer) => found.push(answer));
  expect(found).toEqual([
    [null, [{ address: "93.184.216.34", family: 4 }]],
    [null, "93.184.216.34", 4],
  ]);
  expect(resolve).toHaveBeenCalledTimes(1);
});
