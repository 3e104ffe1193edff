/**
 * MCP over streamable HTTP to a server beside the origin. Every request says for whom it is made and carries the server's own
 * credential; the client's token never gets here. Answers are bounded while they are read, redirects are not followed.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { StreamableHTTPClientTransport, type Transport } from "@modelcontextprotocol/client";
import { REQUEST_ID_HEADER, USER_ID_HEADER } from "../../contract/headers.ts";
import type { Secret } from "../modules/secret.ts";

/** One answer of a server. Unit: bytes. */
export const MAX_ANSWER_BYTES = 2 * 1024 * 1024;
/** An access token of the user at the provider that the server's configuration names. */
export const ACCOUNT_HEADER = "x-mcpist-account-token";

/** For whom a call is made. */
export interface OnBehalf {
  readonly userId: string;
  /** UUIDv7. */
  readonly requestId: string;
  /** The user's token at a provider, or null. */
  readonly account: Secret | null;
}

/** Set while a call is made, so that a connection that all users share sends each call in the name of its user. */
export const onBehalfOf = new AsyncLocalStorage<OnBehalf>();

/** The body, ended with an error as soon as it is larger than an answer may be. */
function bounded(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  let size = 0;
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) controller.error(new Error("the answer is too large"));
        else controller.enqueue(chunk);
      },
    }),
  );
}

/** A new transport to `url`. */
export function httpTransport(url: string, credential: Secret | null, send: typeof fetch): Transport {
  const request = async (input: string | URL, init?: RequestInit): Promise<Response> => {
    const headers = new Headers(init?.headers);
    if (credential) headers.set("authorization", `Bearer ${credential.reveal()}`);
    const call = onBehalfOf.getStore();
    if (call) {
      headers.set(USER_ID_HEADER, call.userId);
      headers.set(REQUEST_ID_HEADER, call.requestId);
      if (call.account) headers.set(ACCOUNT_HEADER, call.account.reveal());
    }
    const response = await send(input, { ...init, headers, redirect: "error" });
    if (!response.body) return response;
    const { status, statusText } = response;
    return new Response(bounded(response.body), { status, statusText, headers: response.headers });
  };
  return new StreamableHTTPClientTransport(new URL(url), { fetch: request });
}
