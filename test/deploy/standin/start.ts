/** Starts the stand-ins of all four vendors' providers. */
import { cloudflare } from "./cloudflare.ts";
import { fly } from "./fly.ts";
import { github } from "./github.ts";
import { koyeb } from "./koyeb.ts";
import { listen, reattach } from "./server.ts";

/** Running stand-ins. */
export interface StandIns {
  /** For the environment of Terraform, OpenTofu, cdktn and cdktf. */
  readonly variables: { readonly TF_REATTACH_PROVIDERS: string };
  close(): Promise<void>;
}

/** @param env where the providers find base URLs and tokens. @param outdir where the synthesis is. */
export async function startStandIns(env: Readonly<Record<string, string | undefined>>, outdir: string): Promise<StandIns> {
  const listening = await Promise.all([cloudflare(env, outdir), koyeb(env), fly(env), github(env)].map(listen));
  return {
    variables: { TF_REATTACH_PROVIDERS: reattach(listening) },
    close: async () => {
      await Promise.all(listening.map((provider) => provider.close()));
    },
  };
}
