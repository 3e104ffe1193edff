/**
 * Somebody outside Cloudflare has the gateway secret of the moment and calls every origin directly with it, past the gateway. The value
 * stays in this process: it is read from the deployed Worker version, as nobody outside a test could.
 */
import { once } from "node:events";
import { request } from "node:http";
import { GATEWAY_SECRET_HEADER } from "../contract/headers.ts";
import type { CloudflareEmulator } from "./vendors/cloudflare/cloudflare.ts";
import { OUTSIDE_ADDRESS } from "./vendors/edge.ts";

/** Unit: milliseconds. */
const EVERY_MS = 500;

/** The secret that the Worker sends now. @throws when nothing is deployed that has one. */
function sentSecret(cloudflare: CloudflareEmulator, worker: string): string {
  const state = cloudflare.workers().find(({ name }) => name === worker);
  const [share] = state?.deployments.at(-1)?.shares.toSorted((a, b) => b.percentage - a.percentage) ?? [];
  const value = share && cloudflare.secretTextForTests(worker, share.versionId, "GATEWAY_SECRET");
  if (typeof value !== "string") throw new Error("nothing is deployed yet that holds a gateway secret");
  return value;
}

async function useIt(url: string, value: string): Promise<void> {
  const call = request(`${url}/mcp`, {
    method: "POST",
    localAddress: OUTSIDE_ADDRESS,
    agent: false,
    headers: { [GATEWAY_SECRET_HEADER]: value, "content-type": "application/json" },
  });
  call.end("{}");
  const [response] = (await once(call, "response")) as [NodeJS.ReadableStream];
  response.resume();
  await once(response, "end");
}

/** Begins. @returns what ends it. @throws when there is no secret yet, or this machine has only one loopback address. */
export async function useStolenSecret(
  cloudflare: CloudflareEmulator,
  worker: string,
  urls: readonly string[],
): Promise<() => void> {
  const value = sentSecret(cloudflare, worker);
  await Promise.all(urls.map((url) => useIt(url, value)));
  const timer = setInterval(() => {
    for (const url of urls) useIt(url, value).catch(() => undefined);
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
