/** What lets a test that fails be green. A test that may fail, or is tried until it does not, shows nothing. Pure. */

/** In the code of tests: a modifier, an option of a test or a group, or the name of either as a text. */
const FORGIVING = /\.fails\b|[{,]\s*(["']?)(?:fails|retry|repeats)\1\s*:|\[\s*["'`](?:fails|retry|repeats)["'`]\s*\]/;

/** @param text of a file of tests */
export const forgivesFailures = (text: string): boolean => FORGIVING.test(text);

/** The settings of vitest that are looked at, as it has resolved them. */
export interface Settings {
  readonly retry?: unknown;
  readonly allowOnly: boolean;
  readonly expect: { readonly requireAssertions?: boolean };
  readonly dangerouslyIgnoreUnhandledErrors?: boolean;
  readonly setupFiles: readonly string[];
  readonly globalSetup: unknown;
}

/** Settings under which green means less: named, so that somebody can mend them. */
export function lenientSettings(settings: Settings): readonly string[] {
  const { retry, allowOnly, expect, dangerouslyIgnoreUnhandledErrors, setupFiles, globalSetup } = settings;
  return [
    ...(retry === undefined || retry === 0 ? [] : ["retry"]),
    ...(allowOnly ? ["allowOnly"] : []),
    ...(expect.requireAssertions === true ? [] : ["expect.requireAssertions"]),
    ...(dangerouslyIgnoreUnhandledErrors === true ? ["dangerouslyIgnoreUnhandledErrors"] : []),
    // Code that runs before every test may change what they see.
    ...(setupFiles.length > 0 ? ["setupFiles"] : []),
    ...([globalSetup ?? []].flat().length > 0 ? ["globalSetup"] : []),
  ];
}
