/** Constructs of a user's own beside ours, as docs/install.md shows them. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { judgeSynthesis } from "./check-files.ts";
import { synthesizedStacks } from "./manifest.ts";
import { ownStacks } from "./own.ts";
import { EXAMPLE, STUB_WORKER } from "./test/synthesis.ts";

const { resolve } = createRequire(import.meta.url);
const page = readFileSync(join(import.meta.dirname, "../docs/install.md"), "utf8");
/** The example of the page. */
const [, SHOWN = ""] = /^## What else you want to exist$[^]*?^```ts\n([^]*?)^```$/m.exec(page) ?? [];

/** A project with this stacks.ts, in which packages are those of the checkout. */
function synthesize(stacks: string) {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-own-"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  writeFileSync(
    join(folder, "mcpist.config.ts"),
    `export default ${JSON.stringify({ environments: { production: EXAMPLE } })};\n`,
  );
  writeFileSync(join(folder, "worker.js"), STUB_WORKER);
  const here = stacks
    .replace('"mcpist/stacks"', JSON.stringify(pathToFileURL(join(import.meta.dirname, "deployment.ts")).href))
    .replaceAll(/"(@?cdktf[^"]*)"/g, (_, name: string) => JSON.stringify(pathToFileURL(resolve(name)).href));
  writeFileSync(join(folder, "stacks.ts"), here);
  const { status, stderr } = spawnSync(process.execPath, ["stacks.ts"], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", MCPIST_WORKER_BUNDLE: "worker.js" },
    encoding: "utf8",
  });
  return { status, stderr, outdir: join(folder, "cdktf.out") };
}

/** stacks.ts with other lines between the braces of the page's example. */
const withLines = (...lines: readonly string[]): string =>
  `import { TerraformResource } from "cdktf";
import { deployment } from "mcpist/stacks";
import config from "./mcpist.config.ts";
await deployment(config, ({ stack }) => {
  ${lines.join("\n  ")}
});
`;

describe("a user's own constructs", () => {
  it("are synthesized beside ours, in a stack with a state of its own, as the page shows it", () => {
    expect(SHOWN).toContain("DnsRecord");
    const { status, stderr, outdir } = synthesize(SHOWN);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const stacks = synthesizedStacks(outdir);
    expect(stacks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["production-base-edge", "production-service-fly", "production-base-dns"]),
    );
    const file = stacks.find(({ name }) => name === "production-base-dns")?.file ?? "";
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
      resource: { cloudflare_dns_record: { docs: { content: "acme.github.io", type: "CNAME", name: "docs" } } },
      terraform: { backend: { local: { path: expect.stringMatching(/terraform\.production-base-dns\.tfstate$/) } } },
    });
    expect([...ownStacks(outdir)]).toEqual(["production-base-dns"]);
    expect(judgeSynthesis(outdir)).toEqual({ ok: true, value: [] });
  });

  it.each([
    [
      "the value of a secret",
      `new TerraformResource(stack("base", "x"), "y", { terraformResourceType: "acme_thing" }).addOverride("name", "${"fedcba9876543210".repeat(4)}");`,
      /no-secret-value/,
    ],
    [
      "a resource that keeps a secret in its state",
      `new TerraformResource(stack("service", "x"), "y", { terraformResourceType: "random_password" });`,
      /no-secret-resource/,
    ],
  ])("bring nothing that may not be in a state: %s", (_, line, rule) => {
    const { status, stderr, outdir } = synthesize(withLines(line));
    expect(status).toBe(1);
    expect(stderr).toMatch(rule);
    expect(stderr).not.toContain("fedcba98");
    expect(existsSync(join(outdir, "manifest.json"))).toBe(false);
  });

  it.each([
    ['stack("base", "edge");', "there is a stack production-base-edge already"],
    ['stack("base", "My DNS");', '"My DNS" is no name of a stack: lower-case letters, digits and dashes'],
  ])("have names of their own: %s", (line, message) => {
    const { status, stderr } = synthesize(withLines(line));
    expect(status).not.toBe(0);
    expect(stderr).toContain(message);
  });

  it("are no excuse for ours: the whole policy holds for the stacks beside them", () => {
    const { outdir } = synthesize(withLines('stack("base", "empty");'));
    const edge = synthesizedStacks(outdir).find(({ name }) => name === "production-base-edge")?.file ?? "";
    const document = JSON.parse(readFileSync(edge, "utf8")) as { resource: Record<string, unknown> };
    document.resource["acme_thing"] = { y: { name: "x" } };
    writeFileSync(edge, JSON.stringify(document));
    expect(judgeSynthesis(outdir)).toMatchObject({
      ok: true,
      value: expect.arrayContaining([expect.stringContaining("known-types")]),
    });
  });
});
