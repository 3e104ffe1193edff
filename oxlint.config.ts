import { defineConfig, type OxlintConfig } from "oxlint";

/** Folders of the house; imports point to contract/ only. */
const FOLDERS = ["stacks", "cli", "worker", "origin", "sandbox"] as const;
const forbid = (folders: readonly string[]) =>
  folders.map((folder) => ({
    regex: `^(\\.\\./)+${folder}/`,
    message: `${folder}/ is another house: share through contract/.`,
  }));
const others = (own: string) => [...FOLDERS.filter((folder) => folder !== own), "test", "bench", "site"];
const NEVER = [
  {
    name: "node:child_process",
    importNames: ["exec", "execSync"],
    message: "A shell joins arguments into one string: use execFile, spawn or execa.",
  },
];
const imports = (
  own: string,
  extra: { regex: string; message: string }[] = [],
): NonNullable<OxlintConfig["rules"]> => ({
  "no-restricted-imports": ["error", { paths: NEVER, patterns: [...forbid(others(own)), ...extra] }],
});

export default defineConfig({
  plugins: ["typescript", "unicorn", "import", "promise"],
  categories: { correctness: "error", suspicious: "error", perf: "error" },
  ignorePatterns: [
    "dist/**",
    "worker/bindings.d.ts",
    "cdktf.out/**",
    "site/dist/**",
    "site/.pages/**",
    "site/.cache/**",
    "package/templates/**",
    "**/*.mjs",
  ],
  rules: {
    // Sequential awaits are often the protocol itself (write, then observe); a lint rule cannot tell.
    "no-await-in-loop": "off",
    // CDKTF constructs register themselves in their constructor.
    "no-new": "off",
    // Named constants shadowed in small closures read better than invented names.
    "no-shadow": "off",
    "unicorn/consistent-function-scoping": "off",
    "unicorn/no-array-sort": "off",
    "unicorn/prefer-add-event-listener": "off",
    "import/no-unassigned-import": "off",
    "import/no-named-as-default-member": "off",
    "typescript/no-unsafe-type-assertion": "off",
    "typescript/no-explicit-any": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/no-floating-promises": "error",
    "typescript/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    // The compiler's noImplicitReturns says the same and understands exhaustive switches.
    "typescript/consistent-return": "off",
    // A literal beside `string` documents a marker that the type cannot enforce.
    "typescript/no-redundant-type-constituents": "off",
    "no-console": "error",
    eqeqeq: "error",
    "no-var": "error",
    "prefer-const": "error",
  },
  overrides: [
    {
      files: ["contract/**/*.ts"],
      rules: {
        "no-restricted-imports": [
          "error",
          { patterns: [{ regex: "^(\\.\\./|[a-z@])", message: "contract/ depends on nothing." }] },
        ],
      },
    },
    {
      files: ["contract/config.ts", "contract/config-fields.ts"],
      rules: {
        "no-restricted-imports": [
          "error",
          {
            patterns: [
              {
                regex: "^(\\.\\./|[a-y@]|zo?$)",
                message: "What a configuration is made of may use zod and nothing else.",
              },
            ],
          },
        ],
      },
    },
    { files: ["contract/**/*.test.ts"], rules: { "no-restricted-imports": "off" } },
    { files: ["stacks/**/*.ts"], rules: imports("stacks") },
    { files: ["cli/**/*.ts"], rules: imports("cli") },
    {
      files: ["cli/local/*.ts"],
      rules: {
        "no-restricted-imports": [
          "error",
          { paths: NEVER, patterns: forbid(["stacks", "worker", "origin", "test", "bench", "site"]) },
        ],
      },
    },
    {
      files: ["worker/**/*.ts"],
      rules: imports("worker", [
        { regex: "^node:", message: "The Worker runs without Node's modules." },
        { regex: "^zod", message: "The Worker ships without zod." },
      ]),
    },
    { files: ["origin/**/*.ts"], rules: imports("origin") },
    {
      files: ["sandbox/**/*.ts"],
      rules: {
        "no-restricted-imports": [
          "error",
          { paths: NEVER, patterns: forbid(["stacks", "cli", "test", "bench", "site"]) },
        ],
      },
    },
    {
      files: ["**/*.test.ts", "test/**/*.ts", "bench/**/*.ts", "worker/test/**/*.ts", "cli/test/**/*.ts"],
      rules: { "no-restricted-imports": "off", "no-console": "off", "typescript/no-non-null-assertion": "off" },
    },
  ],
});
