/** The peer of bench/stacks.ts: six stacks of the same providers with one small resource each, and nothing else. Writes `CDKTF_OUTDIR`. */
import { App, LocalBackend, TerraformStack } from "cdktf";
import { CloudflareProvider } from "@cdktf/provider-cloudflare/lib/provider/index.js";
import { WorkersKvNamespace } from "@cdktf/provider-cloudflare/lib/workers-kv-namespace/index.js";
import { GithubProvider } from "@cdktf/provider-github/lib/provider/index.js";
import { RepositoryEnvironment } from "@cdktf/provider-github/lib/repository-environment/index.js";

const app = new App({ stackTraces: false });
for (const name of ["one", "two", "three", "four", "five", "six"]) {
  const stack = new TerraformStack(app, name);
  new LocalBackend(stack, { path: `${name}.tfstate` });
  if (name === "one") {
    new GithubProvider(stack, "github", { owner: "owner" });
    new RepositoryEnvironment(stack, "environment", { repository: "repo", environment: "production" });
  } else {
    new CloudflareProvider(stack, "cloudflare", {});
    new WorkersKvNamespace(stack, "kv", { accountId: "0123456789abcdef0123456789abcdef", title: name });
  }
}
app.synth();
