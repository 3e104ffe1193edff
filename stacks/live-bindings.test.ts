import { describe, expect, it } from "vitest";
import { readDocument } from "./document.ts";
import { bindingDrift, plannedWorkers, settingDrift } from "./live-bindings.ts";

const PLANNED = [
  { name: "KV", type: "kv_namespace", namespace_id: "a", text: null },
  { name: "MCPIST_CONFIG", type: "plain_text", text: "{}", namespace_id: null },
  { name: "RL_IP", type: "ratelimit", namespace_id: "1", simple: { limit: 1, period: 60 }, text: null },
];
const LIVE = [
  { name: "GATEWAY_SECRET", type: "secret_text" },
  { name: "RL_IP", type: "ratelimit", namespace_id: "1", simple: { period: 60, limit: 1 } },
  { name: "KV", type: "kv_namespace", namespace_id: "a" },
  { name: "MCPIST_CONFIG", type: "plain_text", text: "{}" },
];

describe("bindingDrift", () => {
  it("finds nothing where every planned binding is bound, in any order and with secrets beside them", () => {
    expect(bindingDrift(PLANNED, LIVE)).toEqual([]);
  });

  it("names what is missing and what differs, and no value", () => {
    const changed = LIVE.map((binding) =>
      binding.name === "MCPIST_CONFIG" ? { ...binding, text: "hunter2" } : binding,
    );
    expect(
      bindingDrift(
        PLANNED,
        changed.filter(({ name }) => name !== "KV"),
      ),
    ).toEqual(["binding KV is missing", "binding MCPIST_CONFIG has another text"]);
  });
});

describe("settingDrift", () => {
  const logs = { enabled: true, head_sampling_rate: 1, logs: { enabled: true, invocation_logs: false, persist: null } };
  const settings = { compatibility_date: "2026-07-01", observability: logs, compatibility_flags: null };
  const live = {
    compatibility_date: "2026-07-01",
    compatibility_flags: [],
    observability: { ...logs, logs: { enabled: true, invocation_logs: false, head_sampling_rate: 1, persist: true } },
    tail_consumers: [],
    logpush: false,
  };
  it.each([
    [{}, []],
    [{ observability: { ...live.observability, logs: { enabled: true } } }, []],
    [{ compatibility_date: "2025-01-01" }, ["compatibility_date"]],
    [{ observability: { enabled: false } }, ["observability"]],
    [{ observability: null }, ["observability"]],
    [{ tail_consumers: [{ service: "canary" }], logpush: true }, ["tail_consumers", "logpush"]],
    [{ compatibility_flags: ["canary"] }, ["compatibility_flags"]],
  ])("names what was changed by %j, without a value", (change, names) => {
    const found = settingDrift({ accountId: "0", name: "gateway", bindings: [], settings }, { ...live, ...change });
    expect(found).toEqual(names.map((name) => `Worker gateway has another ${name}`));
  });
});

describe("plannedWorkers", () => {
  it("are found in a plan", () => {
    const values = { account_id: "0", script_name: "gateway", bindings: PLANNED, compatibility_date: "2026-07-01" };
    const resources = [
      { address: "cloudflare_workers_script.worker", mode: "managed", type: "cloudflare_workers_script", values },
    ];
    const document = readDocument(JSON.stringify({ planned_values: { root_module: { resources } } }));
    expect(document.ok && plannedWorkers(document.value)).toEqual([
      { accountId: "0", name: "gateway", bindings: PLANNED, settings: { compatibility_date: "2026-07-01" } },
    ]);
  });
});
