import { expect, test } from "vitest";
import { bundleWorker } from "./bundle.ts";

test("the Worker is one module that needs nothing but the platform", async () => {
  const text = await bundleWorker();
  const imports = [...text.matchAll(/^\s*import\b[^;]*?from\s*["']([^"']+)["']/gm)].map(([, name]) => name);
  expect(imports.filter((name) => !name?.startsWith("cloudflare:"))).toEqual([]);
  expect(text).toContain("UserBurst");
  expect(text).toMatch(/\bas default\b|export default/);
});

test("what does not bundle is named with file and line", async () => {
  await expect(bundleWorker("worker/absent.ts")).rejects.toThrow(/worker\/absent\.ts/);
});

test("two sandboxes of one process each get theirs, whichever begins first", async () => {
  const longAgo = bundleWorker();
  const first = await bundleWorker("worker/deadline.ts");
  const late = bundleWorker();
  expect(first).not.toBe(await longAgo);
  expect(await late).toBe(await longAgo);
});
