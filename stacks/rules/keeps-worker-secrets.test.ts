import { describe, expect, it } from "vitest";
import { readDocument } from "../document.ts";
import { keepsWorkerSecrets } from "./keeps-worker-secrets.ts";

function findings(content: unknown): readonly string[] {
  const document = readDocument(JSON.stringify(content));
  if (!document.ok) throw new Error(document.error);
  return keepsWorkerSecrets.check(document.value);
}
const script = (values: unknown) => ({ resource: { cloudflare_workers_script: { worker: values } } });

describe("an upload of a Worker", () => {
  it.each([
    ["names the secrets alone", ["secret_text"]],
    ["names them beside others", ["plain_text", "secret_text"]],
  ])("is accepted when it %s", (_, keep_bindings) => {
    expect(findings(script({ keep_bindings }))).toEqual([]);
  });

  it.each([
    ["keeps nothing", []],
    ["keeps other bindings", ["plain_text"]],
    ["keeps secrets of another kind", ["secret_key"]],
    ["writes the kind in capitals", ["SECRET_TEXT"]],
    ["keeps what only contains the word", ["secret_text_old"]],
    ["says it as a text", "secret_text"],
    ["says it as an object", { secret_text: true }],
    ["says yes", true],
    ["says null", null],
  ])("is refused when it %s", (_, keep_bindings) => {
    expect(findings(script({ keep_bindings }))).toEqual([
      'cloudflare_workers_script.worker: keep_bindings does not name "secret_text"',
    ]);
  });

  it("is refused where it cannot keep a binding at all", () => {
    expect(findings({ resource: { cloudflare_worker_version: { v: { keep_bindings: ["secret_text"] } } } })).toEqual([
      "cloudflare_worker_version.v: cloudflare_worker_version has no keep_bindings",
    ]);
  });
});
