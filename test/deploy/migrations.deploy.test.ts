/**
 * Durable Object migrations over the life of a Worker. The sandbox's Cloudflare is as strict as the real one: steps that do not start
 * at the tag in place are refused with 10079, so a deploy that goes through sent the right ones.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SANDBOX_NAMES } from "../../contract/sandbox.ts";
import type { Installation } from "./installation.ts";
import { done, opened, openedWithFirst, production, TIMEOUT_MS } from "./operator.ts";
import { CLIS, type DeployCli, ENGINES } from "./tools.ts";

const STACK = "base-edge";
const BUNDLE = join(import.meta.dirname, "../../dist/worker/index.js");

/** What Cloudflare shows for the Worker. */
async function live({ sandbox }: Installation): Promise<unknown> {
  const headers = { authorization: `Bearer ${sandbox.context.tokens.cloudflare}` };
  const account = `${sandbox.urls.cloudflare}/accounts/${SANDBOX_NAMES.accountId}/workers`;
  const ask = async (path: string) =>
    ((await (await fetch(account + path, { headers })).json()) as { readonly result: unknown }).result;
  const [script] = (await ask("/scripts")) as readonly { readonly migration_tag?: string }[];
  const objects = (await ask("/durable_objects/namespaces")) as readonly { readonly class: string }[];
  return { tag: script?.migration_tag, classes: objects.map((object) => object.class) };
}

describe.skipIf(ENGINES.length === 0 || CLIS.length === 0)("Durable Object migrations", () => {
  it.each(ENGINES.map((engine) => [engine.name, engine] as const))(
    "%s releases a second one with the upload that brings it, and with no later one",
    { timeout: TIMEOUT_MS },
    async (_name, engine) => {
      await opened(engine, CLIS[0] as DeployCli, async (installation) => {
        production(installation);
        done(await installation.apply([STACK]), "deploy the first release");
        expect(await live(installation)).toEqual({ tag: "v1", classes: ["UserBurst"] });

        const next = (change: string) => ({
          MCPIST_WORKER_BUNDLE: installation.write(
            "next.js",
            `${readFileSync(BUNDLE, "utf8")}\nexport class Ledger {}\n// ${change}\n`,
          ),
        });
        installation.app("test/deploy/next-release.ts");
        done(await installation.apply([STACK], next("release")), "deploy the next release");
        expect(await live(installation)).toEqual({ tag: "v2", classes: ["UserBurst", "Ledger"] });
        expect(await installation.plan(STACK)).toBe("nothing");
        done(await installation.apply([STACK], next("release")), "deploy it again");
        expect(installation.printed.at(-1)).toContain("No changes.");

        done(await installation.apply([STACK], next("a change behind it")), "deploy a change");
        expect(await installation.plan(STACK)).toBe("nothing");
        // An older checkout knows nothing of the newer tag, and takes nothing back.
        installation.app("stacks/main.ts");
        done(await installation.apply([STACK], next("an older checkout")), "deploy from an older checkout");
        expect(await live(installation)).toEqual({ tag: "v2", classes: ["UserBurst", "Ledger"] });
      });
    },
  );

  it("a state that was lost finds the Worker as it is, and sends nothing twice", { timeout: TIMEOUT_MS }, async () => {
    await openedWithFirst(async (installation) => {
      production(installation);
      done(await installation.apply([STACK]), "deploy");
      done(
        await installation.forget(STACK, ["cloudflare_workers_script.worker", "terraform_data.upload"]),
        "forget the Worker",
      );
      done(await installation.apply([STACK]), "deploy without the state");
      expect(await live(installation)).toEqual({ tag: "v1", classes: ["UserBurst"] });
      expect(await installation.plan(STACK)).toBe("nothing");
    });
  });
});
