/** Puts the stacks of one environment together. Makes no decision of its own and writes nothing until `synth()`. */
import { App } from "./cdktf.ts";
import { EdgeStack } from "./edge.ts";
import type { Settings } from "./settings.ts";

/** What a synthesis needs beside its settings. */
export interface AppOptions {
  /** Absolute path of the bundled Worker. */
  readonly bundle: string;
  /** Folder for the result; absent = what cdktf says (`CDKTF_OUTDIR`, else `cdktf.out`). */
  readonly outdir?: string;
}

/** The app of one environment, ready for `synth()`. */
export function buildApp(settings: Settings, { bundle, outdir }: AppOptions): App {
  const app = new App({
    ...(outdir === undefined ? {} : { outdir }),
    // Ids of this app's own resources do not need the library's check of old ones, nor stack traces in the result.
    stackTraces: false,
  });
  new EdgeStack(app, settings, { bundle });
  return app;
}
