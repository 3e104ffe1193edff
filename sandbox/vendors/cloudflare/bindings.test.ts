import { describe, expect, it } from "vitest";
import { changedSecrets, patchBindings, publicBinding, resolveBindings } from "./bindings.ts";
import { ApiError } from "./errors.ts";
import type { Binding, Version } from "./model.ts";

const version = (id: string, bindings: readonly Binding[]): Version => ({
  id,
  number: 1,
  createdOn: "",
  source: "api",
  annotations: {},
  code: { etag: "", mainModule: "", serviceWorker: false, modules: [], compatibilityDate: "", compatibilityFlags: [] },
  bindings,
  settings: {},
});
const secret = (text: string, name = "S"): Binding => ({ name, type: "secret_text", text });
const plain = (text: string): Binding => ({ name: "P", type: "plain_text", text });
const codeOf = (action: () => unknown): number | null => {
  try {
    action();
    return null;
  } catch (error) {
    return error instanceof ApiError ? error.code : -1;
  }
};

const latest = version("v2", [secret("two"), plain("two")]);
const older = version("v1", [secret("one")]);
const ancestry = { latest, byId: (id: string) => [older, latest].find((candidate) => candidate.id === id) };

describe("bindings of an upload", () => {
  it("drop every secret that is neither given, kept nor inherited", () => {
    expect(resolveBindings([plain("three")], [], ancestry)).toEqual([plain("three")]);
  });

  it("keep secrets of the latest upload when keep_bindings names their type", () => {
    expect(resolveBindings([], ["secret_text"], ancestry)).toEqual([secret("two")]);
  });

  it("prefer what is given over what is kept", () => {
    expect(resolveBindings([secret("three")], ["secret_text", "plain_text"], ancestry)).toEqual([
      secret("three"),
      plain("two"),
    ]);
  });

  it("inherit from the latest upload, or from the version that is named", () => {
    expect(resolveBindings([{ name: "S", type: "inherit" }], [], ancestry)).toEqual([secret("two")]);
    expect(resolveBindings([{ name: "S", type: "inherit", version_id: "v1" }], [], ancestry)).toEqual([secret("one")]);
    expect(resolveBindings([{ name: "NEW", type: "inherit", old_name: "S" }], [], ancestry)).toEqual([
      secret("two", "NEW"),
    ]);
  });

  it("cannot inherit what is not there: code 10057", () => {
    expect(codeOf(() => resolveBindings([{ name: "MISSING", type: "inherit" }], [], ancestry))).toBe(10057);
    expect(codeOf(() => resolveBindings([{ name: "S", type: "inherit", version_id: "v9" }], [], ancestry))).toBe(10057);
    const none = { latest: undefined, byId: () => undefined };
    expect(codeOf(() => resolveBindings([{ name: "S", type: "inherit" }], [], none))).toBe(10057);
  });

  it("refuse a name given twice and a type that is not imitated", () => {
    expect(codeOf(() => resolveBindings([secret("a"), secret("b")], [], ancestry))).toBe(10026);
    expect(codeOf(() => resolveBindings([{ name: "AI", type: "ai" }], [], ancestry))).toBe(10026);
  });
});

describe("a merge-patch of the environment", () => {
  it("adds, replaces and removes by name and leaves the rest", () => {
    const patched = patchBindings(latest.bindings, {
      S: { type: "secret_text", text: "new" } as { type: string },
      P: null,
    });
    expect(patched).toEqual([secret("new")]);
  });
});

describe("what the API hands out", () => {
  it("has the name and the type of a secret, never its text", () => {
    expect(publicBinding(secret("two"), new Map())).toEqual({ name: "S", type: "secret_text" });
  });

  it("adds the namespace to a Durable Object binding", () => {
    const binding = { name: "D", type: "durable_object_namespace", class_name: "Counter" };
    expect(publicBinding(binding, new Map([["Counter", { namespaceId: "n1", sqlite: true }]]))).toEqual({
      ...binding,
      namespace_id: "n1",
    });
  });
});

describe("secrets that differ between versions", () => {
  it("are named when their text, or their presence, differs", () => {
    expect(changedSecrets([secret("a")], [secret("b")])).toEqual(["S"]);
    expect(changedSecrets([secret("a")], [])).toEqual(["S"]);
    expect(
      changedSecrets([secret("a"), plain("x")], [{ type: "secret_text", text: "a", name: "S" }, plain("y")]),
    ).toEqual([]);
  });
});
