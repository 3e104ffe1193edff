/**
 * Which test runs the commands of a document that is not followed as a whole (./follow.ts), or why nobody does. A page may say it itself
 * in a NOT RUN comment; here stands what is to be invisible in the page, or is in a page whose blocks need more than a terminal.
 */

/** What is known of a block. */
export interface Known {
  /** How the block begins. */
  readonly begins: string;
  /** Files of the tests that run it, or run the same commands. */
  readonly by?: readonly string[];
  /** Why no test does. */
  readonly notRun?: string;
}

const CI = ".ci/run";
const PACKED = "test/install/package.install.test.ts";
const DEPLOYED = "test/deploy/bootstrap.deploy.test.ts";
const OWN_SERVER = "test/own-server-page.clients.test.ts";

/** Document to its blocks. */
export const LEDGER: Readonly<Record<string, readonly Known[]>> = {
  "README.md": [
    { begins: "npm ci && npm run demo", by: [CI] },
    { begins: "npm ci && npm test", by: [CI] },
    { begins: "npm pack --silent --pack-destination", by: [PACKED] },
    { begins: "npx mcpist rehearse", by: ["test/rehearse.install.test.ts"] },
    { begins: "npm run mcpist -- sandbox", by: ["test/documents/runbooks.clients.test.ts"] },
  ],
  "CONTRIBUTING.md": [{ begins: "npm ci   ", by: [CI] }],
  "docs/install.md": [
    { begins: "npx mcpist init\nnpm install", by: [PACKED] },
    { begins: "npx mcpist init --yes", by: [PACKED] },
    { begins: "npx mcpist doctor --deploy", by: [PACKED, "cli/doctor/deploy.test.ts"] },
    {
      begins: "npm update mcpist",
      by: [PACKED],
      notRun: "the registry has no mcpist yet: a second packed file is installed",
    },
    { begins: "npx mcpist secrets status", by: [PACKED] },
    { begins: 'eval "$(mcpist completion bash)"', by: ["cli/runs/completion.test.ts"] },
  ],
  "docs/deploy.md": [
    { begins: "npm run synth", by: [DEPLOYED, PACKED], notRun: "docker build and push: there is no Docker here" },
    {
      begins: "mcpist sandbox --empty -- npx cdktn",
      by: [DEPLOYED],
      notRun: "the same deploy runs with stand-ins for the providers",
    },
    { begins: "MCPIST_APPLIED_MIGRATION_TAG=v1", by: ["test/deploy/day-two.deploy.test.ts"] },
  ],
  "docs/origin-contract.md": [{ begins: "mcpist origin check", by: ["test/origin-contract.clients.test.ts"] }],
  "docs/security/README.md": [{ begins: "npm ci && npm test", by: [CI] }],
  "docs/your-own-server.md": [
    { begins: 'export PATH="$PWD/bin:$PWD/node_modules/.bin:$PATH"     # `mcpist`', by: [OWN_SERVER] },
    { begins: 'export PATH="$PWD/bin:$PWD/node_modules/.bin:$PATH"\ncd examples/typescript\neval', by: [OWN_SERVER] },
    { begins: "mcpist tools show weather", by: [OWN_SERVER] },
    { begins: "mcpist tools approve weather --yes", by: [OWN_SERVER] },
    { begins: "node ../client.ts", by: [OWN_SERVER] },
    { begins: 'echo "a key"', by: [OWN_SERVER] },
    { begins: "mcpist secrets put WEATHER_KEY --env production", by: [OWN_SERVER] },
    { begins: "mcpist tools list --env production", by: [OWN_SERVER] },
    { begins: "mcpist access grant USER", by: [OWN_SERVER] },
  ],
};
