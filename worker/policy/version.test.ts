import { SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/server";
import { describe, expect, it } from "vitest";
import { PROTOCOL_VERSIONS } from "../../contract/headers.ts";
import { protocolVersion } from "./version.ts";

describe("version of MCP", () => {
  it("is one of those that the origins' library speaks", () => {
    expect(PROTOCOL_VERSIONS).toEqual(["2026-07-28", ...SUPPORTED_PROTOCOL_VERSIONS]);
  });

  it.each([
    [null, null],
    ["2026-07-28", "2026-07-28"],
    ["2025-11-25", "2025-11-25"],
    ["2025-06-18", "2025-06-18"],
    ["2025-03-26", "2025-03-26"],
    ["2024-11-05", "2024-11-05"],
    ["2025-06-18, 2025-06-18", "2025-06-18"],
    ["2025-06-18,2025-06-18", "2025-06-18"],
  ])("%j is %j", (header, version) => {
    expect(protocolVersion(header)).toEqual({ ok: true, value: version });
  });

  it.each([
    "",
    "2099-01-01",
    "2025-01-01",
    "2026-07-27",
    "2026-07-29",
    "DRAFT-2026-v1",
    "draft",
    "garbage",
    "1.0",
    "2025-06-18 2025-06-18",
    "2025-06-18, 2025-11-25",
    "2025-06-18, ",
    "v2025-06-18",
    "__proto__",
  ])("%j is none that is served", (requested) => {
    const supported = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07"];
    expect(protocolVersion(requested)).toEqual({ ok: false, error: { reason: "mcp.version", supported, requested } });
    // Whoever mirrors the method in a header speaks a revision without `initialize`.
    expect(protocolVersion(requested, true)).toMatchObject({ error: { supported: ["2026-07-28"] } });
  });

  it("is told back as text that anybody can read", () => {
    expect(protocolVersion(`ä\u0000${"x".repeat(100)}`)).toMatchObject({
      error: { requested: `??${"x".repeat(62)}` },
    });
  });
});
