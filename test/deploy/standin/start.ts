/** Starts stand-ins for those vendors' providers that are not there themselves. */
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

/**
 * @param env where the providers find base URLs and tokens. @param outdir where the synthesis is.
 * @param real types of the providers that the engine finds itself: they get no stand-in.
 */
export async function startStandIns(
  env: Readonly<Record<string, string | undefined>>,
  outdir: string,
  real: ReadonlySet<string> = new Set(),
): Promise<StandIns> {
  const providers = Object.entries({
    cloudflare: cloudflare(env, outdir),
    koyeb: koyeb(env),
    fly: fly(env),
    github: github(env),
  });
  const listening = await Promise.all(
    providers.filter(([type]) => !real.has(type)).map(([, provider]) => listen(provider)),
  );
  return {
    variables: { TF_REATTACH_PROVIDERS: reattach(listening) },
    close: async () => {
      await Promise.all(listening.map((provider) => provider.close()));
    },
  };
}
