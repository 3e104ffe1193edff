/**
 * `mcpist origin build`: the folder that `docker build` makes the origin's image of. The origin comes bundled with the package; modules of
 * one's own become one file beside it, which shares its classes; servers of one's own are laid in as they are.
 */
import { cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { moduleFiles, toolsOf } from "../../supabase/migrate/own-modules.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import type { CommonFlags } from "../flags.ts";
import { quoted } from "../hints/hint.ts";
import { HINTS } from "../hints/hints.ts";
import { loadConfigFile, pickEnvironment } from "../load-config.ts";
import { printJson, styles, printProse } from "../output.ts";
import { needPeers } from "../peers.ts";
import { MODULES_FOLDER, projectFolder, projectModules } from "../project.ts";
import { besideCli, isPackaged } from "../self.ts";
import { emptyContext, layIn, openToAll } from "./build-context.ts";
import { template } from "./init-project.ts";
import { dockerfileOf } from "./origin-image.ts";

/** Flags of the command. */
export interface OriginBuildFlags extends CommonFlags {
  readonly out: string;
}

/** One file of all modules; `mcpist/origin` in it is the origin's own, so that both know the same errors. */
async function bundleModules(folder: string, app: string): Promise<void> {
  needPeers("image");
  const { build } = await import("esbuild");
  const files = await moduleFiles(join(folder, MODULES_FOLDER));
  const imports = files.map((file, i) => `import m${i} from ${JSON.stringify(`./${file}`)};`);
  const list = `export default [${files.map((_, i) => `m${i}`).join(", ")}].flat();`;
  await build({
    stdin: { contents: `${imports.join("\n")}\n${list}`, resolveDir: join(folder, MODULES_FOLDER), loader: "js" },
    outfile: join(app, "modules.mjs"),
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    sourcemap: "inline",
    logLevel: "warning",
    plugins: [
      {
        name: "origin",
        setup(context) {
          context.onResolve({ filter: /^mcpist\/origin$/ }, () => ({ path: "./origin/public.js", external: true }));
        },
      },
    ],
  });
}

/** The command. */
export async function runOriginBuild(context: Context, flags: OriginBuildFlags): Promise<ExitCode> {
  if (!isPackaged())
    throw new McpistError("ERR_USAGE", "this is for a project that has the package; a checkout has origin/Dockerfile", {
      hint: HINTS.dockerInCheckout(),
    });
  const folder = projectFolder(context, flags);
  const out = resolve(context.cwd, flags.out);
  const modules = await projectModules(context, flags);
  const wanted = flags.env ?? context.env["MCPIST_ENV"];
  const servers = wanted
    ? pickEnvironment(await loadConfigFile(context, flags.config), wanted, flags.config).environment.servers
    : {};
  const own = Object.entries(servers).flatMap(([name, { folder: place }]) =>
    place === undefined || place.startsWith("/") ? [] : [{ name, place, path: resolve(folder, place) }],
  );
  for (const { name, place, path } of own)
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
      throw new McpistError("ERR_CONFIG", `server "${name}": there is no folder ${place} beside the configuration`, {
        hint: HINTS.correctConfig(flags.config),
      });
  emptyContext(out, flags.out, [folder, context.cwd]);
  const app = join(out, "app");
  mkdirSync(join(app, "origin"), { recursive: true });
  const origin = dirname(besideCli("origin/start"));
  for (const file of readdirSync(origin).filter((name) => /\.js(\.map)?$/.test(name)))
    cpSync(join(origin, file), join(app, "origin", file));
  writeFileSync(join(app, "package.json"), '{ "type": "module", "private": true }\n');
  if (modules.length > 0) await bundleModules(folder, app);
  const laid = own.map(({ name, path }) => layIn(path, join(app, "servers", name), name, out));
  openToAll(app);
  // A server that is trusted runs as the origin does; one at a URL is not in the image.
  const separated = Object.values(servers).some(({ command, trusted }) => command !== undefined && trusted !== true);
  const programs = Object.values(servers).some(({ command }) => command !== undefined);
  const recipe = dockerfileOf(template("Dockerfile"), {
    modules: modules.length > 0,
    servers: laid,
    programs,
    separated,
  });
  writeFileSync(join(out, "Dockerfile"), recipe);
  const names = modules.map(({ name }) => name);
  const left = laid.flatMap((server) => server.left.map((path) => `servers/${server.name}/${path}`));
  if (left.length > 0)
    context.stderr.write(`note  left out (a value, a private key, or a link that leads out): ${left.join(", ")}\n`);
  const next = `docker build -t IMAGE ${quoted(flags.out)}`;
  if (flags.json)
    printJson(context, {
      command: "origin build",
      ok: true,
      exitCode: EXIT.done,
      out: flags.out,
      modules: names,
      tools: toolsOf(modules),
      servers: laid.map(({ name }) => name),
      left,
      next,
    });
  else
    printProse(
      context,
      `${styles(context, context.stdout)("green", "done")}  ${flags.out}: the origin${names.length > 0 ? `, modules ${names.join(", ")}` : ""}${laid.length > 0 ? `, servers ${laid.map(({ name }) => name).join(", ")}` : ""}\nnext: ${next}\n`,
    );
  return EXIT.done;
}
