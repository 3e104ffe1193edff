import { describe, expect, it } from "vitest";
import { ApiError } from "./errors.ts";
import { uploadForm } from "./test/emulator.ts";
import { MESSAGE_LIMIT_BYTES, parseJson, readAnnotations, readForm, readUpload } from "./upload.ts";

const NOW = new Date("2026-11-22T00:00:00Z");
const refusal = async (form: FormData): Promise<{ code: number; message: string }> => {
  try {
    await readUpload(form, NOW);
  } catch (error) {
    if (error instanceof ApiError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("was not refused");
};

describe("an upload", () => {
  it("has an etag that depends on its modules alone", async () => {
    const one = await readUpload(uploadForm({ source: "export default {}" }), NOW);
    const same = await readUpload(
      uploadForm({ source: "export default {}", bindings: [{ name: "P", type: "plain_text", text: "x" }] }),
      NOW,
    );
    const other = await readUpload(uploadForm({ source: "export default { }" }), NOW);
    expect(same.code.etag).toBe(one.code.etag);
    expect(other.code.etag).not.toBe(one.code.etag);
  });

  it("leaves source maps out of the program", async () => {
    const form = uploadForm();
    form.set("index.js.map", new File(["{}"], "index.js.map", { type: "application/source-map" }));
    expect((await readUpload(form, NOW)).code.modules.map(({ name }) => name)).toEqual(["index.js"]);
  });

  it("takes a part named files for a module by the name of its file, as the official SDKs send it", async () => {
    const form = uploadForm();
    form.delete("index.js");
    for (const name of ["index.js", "lib/other.js"])
      form.append("files", new File(["export default {}"], name, { type: "application/javascript+module" }));
    expect((await readUpload(form, NOW)).code.modules.map(({ name }) => name)).toEqual(["index.js", "lib/other.js"]);
  });

  it("that is no form is refused, not answered with 500", async () => {
    const request = new Request("http://127.0.0.1/", { method: "PUT", body: "export default {}" });
    await expect(readForm(request)).rejects.toMatchObject({ status: 400, code: 10026 });
  });

  it("without metadata, without its main module or with a date in the future is refused", async () => {
    expect(await refusal(new FormData())).toMatchObject({ code: 10026 });
    expect(await refusal(uploadForm({ metadata: { main_module: "missing.js" } }))).toMatchObject({ code: 10021 });
    expect(await refusal(uploadForm({ metadata: { compatibility_date: "2026-11-23" } }))).toMatchObject({
      code: 10021,
    });
  });

  it("with broken metadata is refused without repeating it", async () => {
    const form = uploadForm();
    form.set("metadata", `{"bindings":[{"text":"canary-value`);
    const { message } = await refusal(form);
    expect(message).not.toContain("canary");
  });
});

describe("annotations", () => {
  it("refuse a tag over 100 bytes and cut a message at 1000", () => {
    expect(() => readAnnotations({ "workers/tag": "t".repeat(101) })).toThrow(ApiError);
    expect(() => readAnnotations({ "workers/tag": "é".repeat(51) })).toThrow(ApiError);
    const cut = readAnnotations({ "workers/tag": "t".repeat(100), "workers/message": "m".repeat(2000) });
    expect(cut["workers/message"]).toHaveLength(MESSAGE_LIMIT_BYTES);
  });

  it("that a client may not set are dropped", () => {
    expect(readAnnotations({ "workers/triggered_by": "me", "workers/message": "m" })).toEqual({
      "workers/message": "m",
    });
  });
});

describe("JSON from a client", () => {
  it("is never repeated in the error", () => {
    expect(() => parseJson("canary", "the body")).toThrow(/^the body is not JSON$/);
  });
});
