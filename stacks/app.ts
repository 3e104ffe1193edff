/** Puts the stacks of one environment together. Makes no decision of its own and writes nothing until `synth()`. */
import { App } from "./cdktf.ts";
import { EdgeStack } from "./edge.ts";
import { FlyAppStack, FlyServiceStack } from "./fly.ts";
import { KoyebAppStack, KoyebServiceStack } from "./koyeb.ts";
import { RepositoryStack } from "./repository.ts";
import type { Beside } from "./own.ts";
import type { Settings } from "./settings.ts";
import { OwnStack, stackName } from "./stack.ts";

/** What a synthesis needs beside its settings. */
export interface AppOptions {
  /** Absolute path of the bundled Worker. */
  readonly bundle: string;
  /** Folder for the result; absent = what cdktf says (`CDKTF_OUTDIR`, else `cdktf.out`). */
  readonly outdir?: string;
}

/** The app of one environment, ready for `synth()`. */
export function buildApp(settings: Settings, { bundle, outdir }: AppOptions): App {
  // The library's validations start `terraform version`, once per stack, and fail where there is none. Stacks say `required_version`.
  const app = new App({ ...(outdir === undefined ? {} : { outdir }), stackTraces: false, skipValidation: true });
  new RepositoryStack(app, settings);
  new EdgeStack(app, settings, { bundle });
  for (const origin of settings.environment.origins) {
    if (origin.kind === "koyeb") new KoyebServiceStack(app, settings, origin, new KoyebAppStack(app, settings, origin));
    else new FlyServiceStack(app, settings, origin, new FlyAppStack(app, settings, origin));
  }
  return app;
}

/** A door for the user's own stacks in an app that has ours. @returns it, and the names that came through. */
export function besideOurs(
  app: App,
  settings: Settings,
): { readonly beside: Beside; readonly names: readonly string[] } {
  const names: string[] = [];
  return {
    names,
    beside: {
      environment: settings.name,
      stack(tier, part) {
        const name = stackName(settings.name, tier, part);
        if (!/^[a-z][a-z0-9-]*$/.test(part))
          throw new TypeError(`"${part}" is no name of a stack: lower-case letters, digits and dashes`);
        if (app.node.tryFindChild(name)) throw new TypeError(`there is a stack ${name} already`);
        names.push(name);
        return new OwnStack(app, tier, part, settings);
      },
    },
  };
}
