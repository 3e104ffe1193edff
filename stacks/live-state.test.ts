import { describe, expect, it } from "vitest";
import { readDocument } from "./document.ts";
import { hiddenDrift } from "./live-state.ts";

const HSTS = { enabled: true, max_age: 63_072_000, include_subdomains: false, preload: false, nosniff: true };
const declared = {
  address: "terraform_data.hsts",
  mode: "managed",
  type: "terraform_data",
  values: { input: JSON.stringify({ strict_transport_security: HSTS }) },
};
const setting = (hsts: object) => ({
  address: "cloudflare_zone_setting.security-header",
  mode: "managed",
  type: "cloudflare_zone_setting",
  values: { setting_id: "security_header", value: { strict_transport_security: hsts } },
});
const machine = (state: string) => ({
  address: "fly_machine.machine-1",
  mode: "managed",
  type: "fly_machine",
  values: { id: "148e21b7c03d89", state },
});
function drift(...resources: readonly object[]): readonly string[] {
  const document = readDocument(JSON.stringify({ planned_values: { root_module: { resources } } }));
  if (!document.ok) throw new TypeError(document.error);
  return hiddenDrift(document.value);
}

describe("hiddenDrift", () => {
  it("finds nothing where the zone says what was declared and every Machine is there", () => {
    expect(drift(declared, setting(HSTS), machine("started"), machine("stopped"))).toEqual([]);
    expect(drift(machine("suspended"))).toEqual([]);
  });

  it("names what of HSTS is another, or missing", () => {
    const { preload: _, ...rest } = { ...HSTS, enabled: false };
    expect(drift(declared, setting(rest))).toEqual([
      "cloudflare_zone_setting.security-header: HSTS of the zone has another enabled, preload",
    ]);
  });

  it.each(["destroyed", "destroying"])("names a Machine that is %s, which a plan takes for there", (state) => {
    expect(drift(machine(state))).toEqual([`fly_machine.machine-1: Machine 148e21b7c03d89 is ${state}`]);
  });
});
