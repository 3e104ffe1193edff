/** Tokens and states go to their owners, and what is uploaded comes from the synthesis. */
import { isSafeUrl } from "../../contract/safe-url.ts";
import { isRecord } from "../../contract/json.ts";
import { blocks, type PolicyDocument } from "../document.ts";
import type { Rule } from "./rule.ts";

/** Where the synthesis puts the Worker: readable name, digest, file. */
const ASSET = /^assets\/[\w-]+\/[0-9A-F]{32}\/[\w-]+\.js$/;

/** An argument as it is, or as a plan writes it. */
const plain = (value: unknown): unknown =>
  isRecord(value) && "constant_value" in value ? value["constant_value"] : value;

function addresses(document: PolicyDocument): readonly string[] {
  return document.settings.flatMap(({ address, values }) => {
    const urls: readonly (readonly [string, unknown])[] =
      address === "provider.fly"
        ? [["base_url", plain(values["base_url"])]]
        : address === "backend.s3"
          ? blocks(values, "endpoints").map(({ s3 }) => ["endpoints.s3", s3] as const)
          : [];
    return urls
      .filter(([, url]) => url !== undefined && url !== null && !isSafeUrl(url))
      .map(([name]) => `${address}: ${name} must be https, or http on loopback`);
  });
}

const uploads = ({ resources }: PolicyDocument): readonly string[] =>
  resources
    .filter(({ type, values }) => type === "cloudflare_workers_script" && typeof values["content_file"] === "string")
    .filter(({ values }) => !ASSET.test(String(values["content_file"])))
    .map(({ address }) => `${address}: content_file is not the file that the synthesis wrote`);

export const ownPlaces: Rule = {
  name: "own-places",
  why: "a token follows the address that a provider is given, and a Worker is public",
  check: (document) => [...addresses(document), ...uploads(document)],
  examples: {
    accepted: {
      provider: { fly: [{ org_slug: "personal" }] },
      terraform: { backend: { s3: { endpoints: { s3: "https://account.r2.cloudflarestorage.com" } } } },
      resource: {
        cloudflare_workers_script: {
          worker: { content_file: "assets/bundle/0123456789ABCDEF0123456789ABCDEF/index.js" },
        },
      },
    },
    refused: { resource: { cloudflare_workers_script: { worker: { content_file: "/etc/passwd" } } } },
  },
};
