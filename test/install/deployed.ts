/**
 * Accounts for a project that has the package from npm: a sandbox, the engine's own state, and the vendors' providers or their stand-ins
 * (../deploy). The project is what `mcpist init` wrote; only the addresses in it are the sandbox's.
 */
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SANDBOX_NAMES } from "../../contract/sandbox.ts";
import { expect } from "vitest";
import { Installation } from "../deploy/installation.ts";
import { DEFAULT_MIRROR, HOSTS, mirrored, mirrorPath, WANTED } from "../deploy/mirror.ts";
import { done, liveKid } from "../deploy/operator.ts";
import { CLIS, type DeployCli, type Engine } from "../deploy/tools.ts";

/** Answers of `init` that name what the sandbox has. */
export const SANDBOX_ANSWERS: Readonly<Record<string, string>> = {
  "--domain": `mcp.${SANDBOX_NAMES.zone}`,
  "--repo": `${SANDBOX_NAMES.owner}/${SANDBOX_NAMES.repo}`,
  "--account": SANDBOX_NAMES.accountId,
  "--supabase": "abcdefghijklmnopqrst",
  "--koyeb-url": "https://mcp-sandbox.koyeb.app",
  "--fly-app": SANDBOX_NAMES.flyApp,
};

/** Moves what `init` wrote to the sandbox's addresses, and makes its drain short. @throws {Error} when it wrote something else. */
function moveToSandbox(project: string, { sandbox: { urls } }: Installation): void {
  const path = join(project, "mcpist.config.ts");
  let text = readFileSync(path, "utf8");
  const { koyeb = "", fly = "" } = urls.origins;
  const modules = { brokerUrl: urls.broker, baseUrls: { github: urls.github, notion: urls.notion } };
  for (const [from, to] of [
    // Nobody knows the host name here.
    [`hostname: "mcp.${SANDBOX_NAMES.zone}",`, `hostname: "mcp.${SANDBOX_NAMES.zone}", url: "${urls.gateway}",`],
    [`"https://mcp.${SANDBOX_NAMES.zone}/mcp"`, `"${urls.gateway}/mcp"`],
    ["https://mcp-sandbox.koyeb.app", koyeb],
    [`https://${SANDBOX_NAMES.flyApp}.fly.dev`, fly],
    ["https://abcdefghijklmnopqrst.supabase.co/auth/v1", urls.issuer],
    ['{ minAge: "60s", quiet: "120s", max: "30m" },', '{ minAge: "2s", quiet: "4s", max: "60s" },'],
    ["      limits: ", `      modules: ${JSON.stringify(modules)},\n      limits: `],
  ] as const) {
    if (text.split(from).length !== 2) throw new Error(`mcpist.config.ts has not one ${from}:\n${text}`);
    text = text.replace(from, () => to);
  }
  writeFileSync(path, text);
}

/**
 * Where the providers of every registry can be locked from: the lock, which a deploy writes first, takes a checksum of each. A stand-in
 * is not installed, so anything will do for it.
 */
function lockableMirror(folder: string): string {
  const real = mirrored(DEFAULT_MIRROR);
  for (const host of HOSTS)
    for (const provider of WANTED) {
      const file = join(host, mirrorPath(provider));
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      if (real.has(provider.type)) copyFileSync(join(DEFAULT_MIRROR, file), join(folder, file));
      else writeFileSync(join(folder, file), "");
    }
  return folder;
}

/** `stacks.ts` with a construct of the project's own, which no vendor has to know. */
const WITH_OWN_CONSTRUCT = `import { TerraformResource } from "cdktf";
import { deployment } from "mcpist/stacks";
import config from "./mcpist.config.ts";

await deployment(config, ({ stack }) => {
  const note = new TerraformResource(stack("base", "own"), "note", { terraformResourceType: "terraform_data" });
  note.addOverride("input", "mine");
});
`;

/** The project's programs by `npx`, with a person's tokens and the engine's settings. No word may have a blank in it. */
function projectCommands(project: string, installation: Installation, mirror: string) {
  // The stand-in of Cloudflare's provider looks for the Worker's file where a deploy from a checkout has it.
  symlinkSync(join(project, "cdktf.out"), installation.outdir);
  installation.environment = "production";
  return (line: string, input = "", variables: Readonly<Record<string, string>> = {}) =>
    installation.run(["npx", "--no-install", ...line.split(" ")], {
      cwd: project,
      input,
      variables: {
        // The package's own Worker.
        MCPIST_WORKER_BUNDLE: "",
        TF_CLI_ARGS_providers_lock: `-fs-mirror="${mirror}"`,
        ...variables,
      },
    });
}

/**
 * The way of docs/install.md, "For real", in a project that `mcpist init` wrote with {@link SANDBOX_ANSWERS}; then what comes later: a
 * rotation, a deploy of the same, a drift check, the end. @param mirror an empty folder
 */
export async function deployAndTakeAway(project: string, mirror: string, engine: Engine): Promise<void> {
  writeFileSync(join(project, "stacks.ts"), WITH_OWN_CONSTRUCT);
  const installation = await Installation.open(engine, CLIS[0] as DeployCli);
  try {
    moveToSandbox(project, installation);
    const { sandbox } = installation;
    const npx = projectCommands(project, installation, lockableMirror(mirror));
    const mcpist = (words: string, input?: string) => npx(`mcpist ${words} --env production --yes`, input);
    done(await mcpist("deploy --base"), "deploy --base");
    done(await mcpist("secrets rotate --init"), "secrets rotate --init");
    done(await mcpist("secrets put DATABASE_URL", sandbox.urls.database), "secrets put DATABASE_URL");
    done(await mcpist("secrets put REQUEST_STATE_KEY --generate"), "secrets put REQUEST_STATE_KEY");
    done(await mcpist("secrets put BROKER_SECRET", sandbox.broker.secret), "secrets put BROKER_SECRET");
    done(await npx("mcpist db migrate --yes"), "db migrate");
    done(await mcpist("origin build"), "origin build");
    done(await mcpist("deploy --first"), "deploy --first");
    done(await mcpist("secrets verify"), "secrets verify");

    const first = await liveKid(installation);
    done(await mcpist("secrets rotate"), "secrets rotate");
    expect(await liveKid(installation)).not.toBe(first);
    const again = await mcpist("deploy");
    done(again, "deploy again");
    expect(again.output.match(/Resources: 0 added, 0 changed, 0 destroyed/g)).toHaveLength(7);
    const drift = await mcpist("drift");
    done(drift, "drift");
    expect(drift.output).toMatch(/^production-base-own +unchanged$/m);

    const slots = ["GATEWAY_SECRET_A", "GATEWAY_SECRET_B"].map(
      (name) => sandbox.github.reveal(name, "production") ?? "",
    );
    const values = [...slots.filter((text) => !text.startsWith("revoked:")), sandbox.broker.secret];
    const texts = [...installation.files(), ...installation.printed];
    expect(values).toEqual([expect.stringMatching(/^.{40,}$/), expect.stringMatching(/^.{20,}$/)]);
    for (const value of values) expect(texts.filter((text) => text.includes(value))).toHaveLength(0);

    const away = "cdktn destroy production-base-* production-service-* --auto-approve";
    done(await npx(away, "", { MCPIST_ENV: "production", MCPIST_ALLOW_DESTROY: "1" }), "destroy");
    expect(await mcpist("secrets verify")).toMatchObject({
      exitCode: 3,
      output: expect.stringContaining("This Worker does not exist"),
    });
  } finally {
    await installation.close();
  }
}
