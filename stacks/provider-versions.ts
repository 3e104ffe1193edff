/** Exact versions of the Terraform providers. The policy rule "pinned-providers" refuses anything looser. */

/** First version that declares rate-limit bindings on `cloudflare_workers_script`. */
export const CLOUDFLARE_VERSION = "5.19.0";
/** The prebuilt bindings were generated from 6.9.0; this one takes everything that they write (schemas/github.json is its own print). */
export const GITHUB_VERSION = "6.13.0";
/** Last release of the vendor's provider; used for apps and services only. */
export const KOYEB_VERSION = "0.1.11";
/** ampbase-io/fly. */
export const FLY_VERSION = "0.2.0";
