/** What a project of one's own is told: deploying it, building its image, updating it. */
import { configFile, hint, mcpist, page, quoted, say } from "./hint.ts";

/** The entries. */
export const PROJECT = {
  verifyFirst: hint("you", "a deploy beside parties that disagree", () => say`${mcpist("secrets verify")}`),
  stateInBucket: hint(
    "the configuration",
    "a pipeline would deploy with a state on its own disk",
    () => say`set backend to a bucket in ${configFile} (${page("docs/deploy.md")})`,
  ),
  readAbove: hint(
    "a platform",
    "Terraform failed",
    () => say`it says above why; running the same command again is safe`,
  ),
  noModule: hint(
    "you",
    "a file in modules/ that is no module",
    () => say`export default defineModule({ … }), or move the file out of modules/`,
  ),
  dockerInCheckout: hint(
    "you",
    "a build context asked for in a checkout",
    () => say`docker build -f origin/Dockerfile .`,
  ),
  renewFiles: hint(
    "you",
    "a workflow that another version wrote",
    (environment: string) =>
      say`${mcpist(`init --files --force --yes --env ${quoted(environment)}`)}   (writes them anew)`,
  ),
  otherOut: hint(
    "you",
    "a folder with files of somebody else",
    () => say`name another folder with --out, or remove it`,
  ),
  makeProject: hint(
    "you",
    "a deploy where no project is",
    (environment: string) =>
      say`${mcpist(`init --files --yes --env ${quoted(environment)}`)}   (writes cdktf.json and stacks.ts)`,
  ),
  outOfProject: hint("you", "a build context where the project is", () => say`name a folder of its own with --out`),
} as const;
