/**
 * Builds what is published, into dist/: the command, the stacks and the sandbox as JavaScript, the Worker and the origin as bundles with
 * their source maps, migrations as files. What only few users need stays out of `dependencies`: small libraries are put into
 * dist/vendor/ and the generated provider classes into dist/stacks/cdktf.js; the large ones are peers, and a command says when it misses one.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { configJsonSchema } from "../contract/config.ts";
import { manPage } from "./man.ts";
import { WORKER_OPTIONS } from "../stacks/worker-bundle.ts";
import { build, type BuildOptions, type Metafile, type Plugin } from "esbuild";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");
const { dependencies, peerDependencies, exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  dependencies: Readonly<Record<string, string>>;
  peerDependencies: Readonly<Record<string, string>>;
  exports: Readonly<Record<string, string | { readonly types: string }>>;
};
/** Resolved where the package is installed. */
const EXTERNAL = [...Object.keys(dependencies), ...Object.keys(peerDependencies), "pg-native"];
/** CommonJS packages inside a bundle ask for Node's own modules through `require`. */
const REQUIRE =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';
/** Third parties whose code is in a bundle. */
const metafiles: Metafile[] = [];

const filesIn = (folder: string, name: RegExp): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => name.test(file))
    .map((file) => join(folder, file));

async function bundle(options: BuildOptions): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    bundle: true,
    format: "esm",
    charset: "utf8",
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
    ...options,
  } as BuildOptions & { metafile: true });
  metafiles.push(metafile);
}

function compile(): void {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { cwd: ROOT, stdio: "inherit" });
  if (status !== 0) throw new Error("tsc failed");
}

/** A bundled module keeps the place that its source has in the tree: it finds its files relative to itself. */
const keepsItsPlace: Plugin = {
  name: "keeps-its-place",
  setup(context) {
    context.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      if (!text.includes("import.meta.url")) return null;
      const place = relative(ROOT, path).replace(/\.ts$/, ".js");
      return {
        contents: text.replaceAll("import.meta.url", `new URL("../${place}", import.meta.url).href`),
        loader: "ts",
      };
    });
  },
};

/** What is not ours gets an empty map: nobody steps through it, and it would be most of the bytes. */
const mapsOurs: Plugin = {
  name: "maps-ours",
  setup(context) {
    context.onLoad({ filter: /node_modules.*\.[cm]?js$/ }, ({ path }) => ({
      contents: `${readFileSync(path, "utf8")}\n//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbIiJdLCJtYXBwaW5ncyI6IkEifQ==`,
      loader: "js",
    }));
  },
};

/** Modules of one's own share the origin's classes, so both entries share their chunks. */
async function bundleOrigin(): Promise<void> {
  for (const file of filesIn(join(DIST, "origin"), /\.js$/)) rmSync(file);
  await bundle({
    // The last one is how clients name tools; mcpist/testing calls them so.
    entryPoints: ["origin/start.ts", "origin/public.ts", "origin/sieve/native-names.ts"],
    outdir: "dist/origin",
    splitting: true,
    platform: "node",
    target: "node22",
    sourcemap: "linked",
    sourcesContent: false,
    minifySyntax: true,
    minifyWhitespace: true,
    banner: { js: REQUIRE },
    external: ["@electric-sql/pglite", "pg-native"],
    plugins: [keepsItsPlace, mapsOurs],
  });
}

/** Its map lies beside the file and is not named in it. */
const bundleWorker = (): Promise<void> =>
  bundle({ ...WORKER_OPTIONS, outfile: "dist/worker/index.js", sourcemap: "external", plugins: [mapsOurs] });

/** The few classes that the stacks use of two packages of 88 MB. */
const bundleProviders = (): Promise<void> =>
  bundle({
    entryPoints: ["stacks/cdktf.ts"],
    outfile: "dist/stacks/cdktf.js",
    platform: "node",
    target: "node22",
    banner: { js: REQUIRE },
    external: ["cdktf", "constructs"],
  });

const BARE = /(\bfrom\s*|\bimport\s*\(\s*|^\s*import\s*)"([@a-z][\w@./:-]*)"/gm;
const packageOf = (name: string): string => name.split("/", name.startsWith("@") ? 2 : 1).join("/");
const isOurs = (name: string): boolean =>
  name.startsWith("node:") || builtinModules.includes(name) || EXTERNAL.includes(packageOf(name));

/** Puts every other library that compiled files import into dist/vendor/, and the path to it into the import. */
async function bundleVendor(): Promise<void> {
  const files = ["cli", "contract", "package", "sandbox", "stacks", "supabase"].flatMap((folder) =>
    filesIn(join(DIST, folder), /\.js$/),
  );
  const names = new Set<string>();
  for (const file of files) {
    if (file === join(DIST, "stacks/cdktf.js")) continue;
    const text = readFileSync(file, "utf8").replace(BARE, (found, before: string, name: string) => {
      if (isOurs(name)) return found;
      names.add(name);
      const path = relative(dirname(file), join(DIST, "vendor", `${flat(name)}.js`));
      return `${before}"${path.startsWith(".") ? path : `./${path}`}"`;
    });
    writeFileSync(file, text);
  }
  await bundle({
    entryPoints: Object.fromEntries([...names].map((name) => [flat(name), name])),
    outdir: "dist/vendor",
    splitting: true,
    platform: "node",
    target: "node22",
    minifySyntax: true,
    minifyWhitespace: true,
    banner: { js: REQUIRE },
    external: EXTERNAL,
  });
}
const flat = (name: string): string => name.replaceAll("/", "-").replace("@", "");

/** Declarations that nobody can reach from an export are nobody's business. */
function keepReachableTypes(): void {
  const kept = new Set<string>();
  const visit = (file: string): void => {
    if (kept.has(file)) return;
    kept.add(file);
    for (const [, path = ""] of readFileSync(file, "utf8").matchAll(/(?:from\s*|import\()"(\.[^"]+)"/g))
      visit(join(dirname(file), path.replace(/\.[jt]s$/, ".d.ts")));
  };
  for (const entry of Object.values(exports)) if (typeof entry !== "string") visit(join(ROOT, entry.types));
  for (const file of filesIn(DIST, /\.d\.ts$/)) if (!kept.has(file)) rmSync(file);
}

/** The licences of everything that is inside a bundle. */
function writeLicences(): void {
  const folders = new Set(
    metafiles.flatMap(({ inputs }) =>
      Object.keys(inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
    ),
  );
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as {
      name: string;
      version: string;
      license?: string;
    };
    const file = readdirSync(join(ROOT, folder)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? "" : `\n\n${readFileSync(join(ROOT, folder, file), "utf8").trim()}`;
    return `${name} ${version} (${license ?? "see below"})${text}\n`;
  });
  writeFileSync(
    join(DIST, "THIRD-PARTY-LICENSES.txt"),
    `Code of these packages is in the bundles of this folder.\n\n${texts.join(`\n${"-".repeat(80)}\n\n`)}`,
  );
}

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST);
compile();
await Promise.all([bundleOrigin(), bundleWorker(), bundleProviders()]);
await bundleVendor();
keepReachableTypes();
for (const path of ["migrations", "local", "seed.sql"])
  cpSync(join(ROOT, "supabase", path), join(DIST, "supabase", path), { recursive: true });
for (const script of ["sandbox/vendors/cloudflare/runtime/workerd.sh"]) cpSync(join(ROOT, script), join(DIST, script));
writeLicences();
writeFileSync(join(DIST, "mcpist.1"), manPage());
writeFileSync(join(DIST, "config.schema.json"), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
