/** What is shipped: a CycloneDX SBOM that is the same every time and holds every package, and licences from a list. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRecord } from "../../../contract/json.ts";
import { readTracked } from "../repository.ts";
import type { Scanner } from "./scanner.ts";
import { absent, inFolder, run, versionOf } from "./tools.ts";

/** Terms under which somebody may use what they install with the tool, whatever they do with it. */
export const LICENCES: ReadonlySet<string> = new Set([
  "MIT",
  "ISC",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
]);

/** `name@version` of everything that `npm install mcpist` brings, by the lockfile. */
export function shippedBy(lockfile: string): readonly string[] {
  const lock: unknown = JSON.parse(lockfile);
  const packages = isRecord(lock) && isRecord(lock["packages"]) ? lock["packages"] : {};
  return Object.entries(packages)
    .filter(([path, entry]) => path !== "" && isRecord(entry) && entry["dev"] !== true && entry["devOptional"] !== true)
    .map(
      ([path, entry]) =>
        `${path.slice(path.lastIndexOf("node_modules/") + 13)}@${String((entry as { version?: string }).version)}`,
    )
    .toSorted();
}

interface Component {
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  /** What lies inside its folder. */
  readonly components?: readonly Component[];
}
const namesOf = (components: readonly Component[] = []): readonly string[] =>
  components.flatMap(({ group, name, version, components: inside }) => [
    `${group ? `${group}/` : ""}${name}@${version}`,
    ...namesOf(inside),
  ]);

/** `name@version` of the components of an SBOM. */
export const listedIn = (sbom: string): readonly string[] =>
  namesOf((JSON.parse(sbom) as { readonly components?: readonly Component[] }).components).toSorted();

export const missingIn = (listed: readonly string[], shipped: readonly string[]): readonly string[] =>
  shipped.filter((one) => !listed.includes(one));

const makeSbom = (): string =>
  inFolder((folder) => {
    const out = join(folder, "sbom.json");
    const { code } = run("cyclonedx-npm", ["--omit=dev", "--output-reproducible", "--spec-version=1.6", "-o", out]);
    if (code !== 0) throw new Error("cyclonedx-npm broke off");
    return readFileSync(out, "utf8");
  });

/** Licences by package, as license-checker finds them in a folder. */
function licencesIn(folder: string | undefined): Readonly<Record<string, string>> {
  const { stdout } = run("license-checker-rseidelsohn", ["--production", "--excludePrivatePackages", "--json"], folder);
  const found = JSON.parse(stdout) as Readonly<Record<string, { readonly licenses: string | readonly string[] }>>;
  return Object.fromEntries(
    Object.entries(found).map(([name, { licenses }]) => [name, [licenses].flat().join(" AND ")]),
  );
}
const refused = (licences: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(licences).flatMap(([name, licence]) => (LICENCES.has(licence) ? [] : [`${name}: ${licence}`]));

export const PACKAGES: readonly Scanner[] = [
  {
    name: "SBOM, CycloneDX 1.6",
    absent: absent("cyclonedx-npm"),
    version: () => versionOf("cyclonedx-npm", "--version"),
    look() {
      const [one, other] = [makeSbom(), makeSbom()];
      const listed = listedIn(one);
      const missing = missingIn(listed, shippedBy(readTracked("package-lock.json")));
      return {
        inspected: listed.length,
        findings: [
          ...(one === other ? [] : ["it is another one each time"]),
          ...missing.map((name) => `${name}: is missing`),
        ],
      };
    },
    bad() {
      const shipped = shippedBy(readTracked("package-lock.json"));
      const [left = ""] = shipped;
      return {
        wanted: [left],
        flagged: missingIn(
          listedIn(makeSbom()).filter((name) => name !== left),
          shipped,
        ),
      };
    },
  },
  {
    name: "licences of what is shipped",
    absent: absent("license-checker-rseidelsohn"),
    version: () => versionOf("license-checker-rseidelsohn", "--version"),
    look() {
      // Peers are installed here as well; a user installs them by a line of their own.
      const shipped = new Set(shippedBy(readTracked("package-lock.json")));
      const licences = Object.fromEntries(Object.entries(licencesIn(undefined)).filter(([name]) => shipped.has(name)));
      return { inspected: Object.keys(licences).length, findings: refused(licences) };
    },
    bad: () =>
      inFolder((folder) => {
        writeFileSync(
          join(folder, "package.json"),
          '{ "name": "viral", "version": "1.0.0", "license": "AGPL-3.0-only" }',
        );
        return { wanted: ["viral@1.0.0: AGPL-3.0-only"], flagged: refused(licencesIn(folder)) };
      }),
  },
];
