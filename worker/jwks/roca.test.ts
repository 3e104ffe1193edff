import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { isRocaModulus } from "./roca.ts";

const VECTORS = join(import.meta.dirname, "../../test/security/vectors/wycheproof/json_web_key_test.json");

it("knows a modulus of the faulty library", () => {
  const { testGroups } = JSON.parse(readFileSync(VECTORS, "utf8")) as {
    readonly testGroups: readonly {
      readonly comment: string;
      readonly private: { readonly keys?: readonly { readonly n: string }[] };
    }[];
  };
  const weak = testGroups.find(({ comment }) => comment === "jws_rsa_roca_key")?.private.keys?.[0];
  expect(isRocaModulus(Buffer.from(weak?.n ?? "", "base64url"))).toBe(true);
});

it.each([2048, 3072, 4096])("lets a sound modulus of %i bits pass", (modulusLength) => {
  const { n = "" } = generateKeyPairSync("rsa", { modulusLength }).publicKey.export({ format: "jwk" });
  expect(isRocaModulus(Buffer.from(n, "base64url"))).toBe(false);
});

it("takes what is no modulus for none of its own", () => {
  expect(isRocaModulus(new Uint8Array())).toBe(false);
  expect(isRocaModulus(new Uint8Array(256))).toBe(false);
});
