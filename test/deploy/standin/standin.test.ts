import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { plan } from "./plan.ts";
import { entityMessage, schemaOf } from "./schema.ts";
import { fromWire, toWire, UNKNOWN } from "./values.ts";

describe("values on the wire", () => {
  it("come back as they were, unknowns at any depth included", () => {
    const values = { a: null, b: 1, c: "text", d: [true, { e: UNKNOWN }], f: UNKNOWN };
    expect(fromWire(toWire(values))).toEqual(values);
  });

  it("may be absent, or JSON", () => {
    expect(fromWire(toWire(null))).toBeNull();
    expect(fromWire(null)).toBeNull();
    expect(fromWire({ json: Buffer.from('{"a":1}') })).toEqual({ a: 1 });
  });
});

describe("plan", () => {
  const { block } = schemaOf("fly").resources["fly_machine"] ?? { block: {} };
  const rules = { replace: ["app"], volatile: ["instance_id"] };
  const machine = {
    app: "a",
    image: "i:1",
    id: "1",
    instance_id: "x",
    name: "a-1",
    region: "nrt",
    guest: { cpus: 1, cpu_kind: null, memory_mb: null },
  };

  it("leaves every result of a new resource open, and what was said as it is", () => {
    const { values, replace } = plan(block, rules, null, { ...machine, id: null, instance_id: null });
    expect(values).toMatchObject({
      app: "a",
      id: UNKNOWN,
      instance_id: UNKNOWN,
      guest: { cpus: 1, cpu_kind: UNKNOWN },
    });
    expect(replace).toEqual([]);
  });

  it("changes nothing when nothing differs", () => {
    expect(plan(block, rules, machine, { ...machine })).toEqual({ values: machine, replace: [] });
  });

  it("opens only what an update brings anew", () => {
    const { values, replace } = plan(block, rules, machine, { ...machine, image: "i:2" });
    expect(values).toMatchObject({ image: "i:2", id: "1", instance_id: UNKNOWN });
    expect(replace).toEqual([]);
  });

  it("asks for a new resource when an attribute cannot change", () => {
    expect(plan(block, rules, machine, { ...machine, app: "b" }).replace).toEqual(["app"]);
  });

  it("fills in a provider's defaults before it compares", () => {
    const values = { app: "a", image: "i:1", region: "nrt" };
    expect(plan(block, { replace: [], defaults: { region: "nrt" } }, values, { ...values, region: null })).toEqual({
      values,
      replace: [],
    });
  });
});

describe("schema messages", () => {
  it.each(["cloudflare", "koyeb", "fly", "github"])("of %s carry every attribute and block", (name) => {
    const { resources } = schemaOf(name);
    for (const entity of Object.values(resources)) {
      const message = entityMessage(entity) as {
        readonly block: { readonly attributes: readonly unknown[]; readonly block_types: readonly unknown[] };
      };
      expect(message.block.attributes).toHaveLength(Object.keys(entity.block.attributes ?? {}).length);
      expect(message.block.block_types).toHaveLength(Object.keys(entity.block.block_types ?? {}).length);
    }
  });
});
