/** The platforms that origins run on. Another one begins here: docs/adding-a-platform.md. */

/** What `kind` of an origin may be. */
export type OriginKind = "koyeb" | "fly";

/** As a sentence calls them. */
export const PLATFORM_NAMES: Readonly<Record<OriginKind, string>> = { koyeb: "Koyeb", fly: "Fly.io" };
