import { describe, expect, it } from "vitest";
import { testEnvironment } from "../test/environment.ts";
import { testContext, type TestContext } from "../test/test-context.ts";
import { gatewayProbe } from "./gateway-probe.ts";
import { originProbe } from "./origin-probe.ts";

const ORIGIN = { url: "https://mcpist-acme.koyeb.app", state: "pool" } as const;
const VERSION = "00000000-0000-4000-8000-000000000001";
const failed = (code: string) => new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code }) });

/** Each call fails or is answered by the next one of these, the last one for ever. */
function network(
  ...answers: readonly (Error | "a page" | "another version")[]
): TestContext & { readonly asked: () => number } {
  let asked = 0;
  const context = testContext({
    fetch: async () => {
      const answer = answers[Math.min(asked++, answers.length - 1)];
      if (answer instanceof Error) throw answer;
      if (answer === "another version")
        return Response.json({ role: "worker", instanceId: "i", deployment: "v0", kid: null, lastAccepted: {} });
      return new Response("<html>", { status: 503 });
    },
  });
  return { ...context, asked: () => asked };
}
const waited = (context: TestContext): number => context.slept.reduce((sum, ms) => sum + ms, 0);

const FOR_GOOD = [
  ["ENOTFOUND", "DNS knows no "],
  ["SELF_SIGNED_CERT_IN_CHAIN", "the certificate of "],
] as const;

describe("a gateway at whose address nothing can answer", () => {
  it.each(FOR_GOOD)("is told at once, as what it is: %s", async (code, says) => {
    const context = network(failed(code));
    await expect(gatewayProbe(context, testEnvironment()).observed(VERSION)).rejects.toMatchObject({
      code: "ERR_UNREACHABLE",
      message: expect.stringContaining(`${says}mcp.example.com`) as unknown,
      hint: expect.stringContaining("check the network and mcp.example.com") as unknown,
    });
    expect({ asked: context.asked(), waited: waited(context) }).toEqual({ asked: 1, waited: 0 });
  });

  it("is asked again for half a minute while DNS cannot tell, or when it has answered before", async () => {
    for (const answers of [[failed("EAI_AGAIN")], ["a page", failed("ENOTFOUND")]] as const) {
      const context = network(...answers);
      await expect(gatewayProbe(context, testEnvironment()).observed(VERSION)).rejects.toMatchObject({
        code: "ERR_TIMEOUT",
        message: `mcp.example.com did not answer as Worker version ${VERSION}`,
      });
      expect(waited(context)).toBeGreaterThanOrEqual(30_000);
    }
  });

  it("is asked again when it answers, be it as another version, after DNS did not know it", async () => {
    const context = network(failed("ENOTFOUND"), "another version");
    const probe = gatewayProbe(context, testEnvironment());
    expect(await probe.anybody()).toBeNull();
    await expect(probe.observed(VERSION)).rejects.toMatchObject({ code: "ERR_TIMEOUT" });
    expect(waited(context)).toBeGreaterThanOrEqual(30_000);
  });

  it("is nobody where an emergency only asks who is there", async () => {
    const probe = gatewayProbe(network(failed("ENOTFOUND")), testEnvironment());
    expect(await probe.kidsOf([VERSION], 5000)).toEqual({});
    expect(await probe.anybody()).toBeNull();
  });
});

describe("an origin at whose address nothing can answer", () => {
  it.each(FOR_GOOD)("is told at once, as what it is: %s", async (code, says) => {
    const context = network(failed(code));
    await expect(originProbe(context, ORIGIN)()).rejects.toMatchObject({
      code: "ERR_UNREACHABLE",
      message: expect.stringContaining(`${says}mcpist-acme.koyeb.app`) as unknown,
    });
  });

  it("is nothing that answers while DNS cannot tell, when it has answered before, or while it joins", async () => {
    const before = originProbe(network("a page", failed("ENOTFOUND")), ORIGIN);
    expect([await before(), await before()]).toEqual([null, null]);
    expect(await originProbe(network(failed("EAI_AGAIN")), ORIGIN)()).toBeNull();
    expect(await originProbe(network(failed("ENOTFOUND")), { ...ORIGIN, state: "joining" })()).toBeNull();
  });
});
