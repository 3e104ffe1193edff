/** Wycheproof's JWS and JWK vectors inside workerd. Nothing that they call invalid may pass; what is valid passes where the gateway uses it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { beforeAll, describe, expect, it } from "vitest";
import type { JsonObject } from "../contract/json.ts";
import type { Vector, Verdict } from "./test/vectors.ts";

interface Group {
  readonly comment: string;
  readonly public?: JsonObject;
  readonly private: JsonObject;
  readonly tests: readonly {
    readonly tcId: number;
    readonly comment: string;
    readonly jws: string;
    readonly result: "valid" | "invalid";
  }[];
}
interface Judged {
  readonly tcId: number;
  readonly name: string;
  readonly alg: string;
  readonly result: "valid" | "invalid";
  readonly verdict: Verdict | "no verdict";
}

const FOLDER = join(import.meta.dirname, "../test/security/vectors/wycheproof");
/** Members of a private or symmetric key. One that is published is skipped, which would prove nothing about the rest. */
const PRIVATE: ReadonlySet<string> = new Set(["d", "p", "q", "dp", "dq", "qi", "oth"]);
const published = (key: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(key).filter(([member]) => !PRIVATE.has(member)));
/** A key on its own, or a set of them. */
const keysOf = (key: JsonObject): readonly JsonObject[] =>
  Array.isArray(key["keys"]) ? (key["keys"] as JsonObject[]) : [key];

async function judge(file: string): Promise<readonly Judged[]> {
  const { testGroups } = JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as {
    readonly testGroups: readonly Group[];
  };
  const cases = testGroups.flatMap((group) => {
    const keys = keysOf(group.public ?? group.private).map(published);
    const alg = keys.map((key) => String(key["alg"] ?? key["kty"])).join("+");
    return group.tests.map(({ tcId, comment, jws, result }) => ({
      tcId,
      name: `${group.comment} ${comment}`,
      alg,
      result,
      jws,
      keys,
    }));
  });
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "test/vectors.ts")],
    bundle: true,
    format: "esm",
    write: false,
    conditions: ["workerd", "worker"],
  });
  const miniflare = new Miniflare({
    modules: true,
    script: outputFiles[0]?.text ?? "",
    compatibilityDate: "2026-07-01",
  });
  try {
    const body = JSON.stringify(cases.map(({ jws, keys }): Vector => ({ jws, keys })));
    const answer = await miniflare.dispatchFetch("http://vectors.test/", { method: "POST", body });
    const verdicts = (await answer.json()) as readonly Verdict[];
    return cases.map(({ tcId, name, alg, result }, i) => ({
      tcId,
      name,
      alg,
      result,
      verdict: verdicts[i] ?? "no verdict",
    }));
  } finally {
    await miniflare.dispose();
  }
}

/** "ES256 valid: accepted" and the like, with how often. */
function table(judged: readonly Judged[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const { alg, result, verdict } of judged) {
    const row = `${alg} ${result}: ${verdict}`;
    counts.set(row, (counts.get(row) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe.each([
  ["signatures", "json_web_signature_test.json", 401],
  ["keys", "json_web_key_test.json", 26],
])("Wycheproof %s", (_kind, file, count) => {
  let judged: readonly Judged[];
  beforeAll(async () => {
    judged = await judge(file);
  });

  it("has every vector of the file", () => {
    expect(judged).toHaveLength(count);
  });

  it("accepts no invalid vector", () => {
    expect(judged.filter(({ result, verdict }) => result === "invalid" && verdict === "accepted")).toEqual([]);
  });

  it("gives the recorded verdicts", () => {
    expect(table(judged)).toMatchSnapshot();
  });
});
