/**
 * What is said to a child and what it says, as messages that the SDK may see. Whatever prints to standard output speaks for the server,
 * also a tool that prints the parameters of one user: so requests have ids that nobody can guess, and what answers none of them is
 * nothing. An answer that is not quite one of JSON-RPC becomes one, so that its caller need not wait for another. Pure but for the ids.
 */
import type { JSONRPCMessage } from "@modelcontextprotocol/client";
import { isRecord } from "../../contract/json.ts";
import { ANSWER_TOO_LARGE, ANSWER_USELESS, NO_ANSWER } from "./no-answer.ts";
import { isShallow, MAX_DEPTH } from "./shallow.ts";

/** Ids are below this one: some servers keep them in 32 bits. */
export const MAX_ID = 2 ** 31;
/** A longer text that names no request under way is no answer, and nothing else of that length is wanted. Unit: UTF-16 code units. */
const MAX_NOTICE = 64 * 1024;
/** Messages of one batch (MCP 2025-03-26). */
const MAX_BATCH = 100;
const MAX_ERROR_DEPTH = 8;
const INTERNAL_ERROR = -32_603;

type Id = string | number;
type Message = Readonly<Record<string, unknown>>;

const isMessage = (value: unknown): value is Message => isRecord(value) && value["jsonrpc"] === "2.0";
const asId = (id: unknown): unknown => (typeof id === "string" && /^\d{1,10}$/.test(id) ? Number(id) : id);
const failed = (id: Id, code: number): JSONRPCMessage => ({ jsonrpc: "2.0", id, error: { code, message: "" } });

function answerOf(id: Id, { result = null, error = null }: Message): JSONRPCMessage {
  // Some servers write null for the one that there is not.
  if (error === null) return isRecord(result) ? { jsonrpc: "2.0", id, result } : failed(id, ANSWER_USELESS);
  if (result !== null) return failed(id, NO_ANSWER);
  if (!isRecord(error)) return failed(id, INTERNAL_ERROR);
  const { code, message, data } = error;
  return {
    jsonrpc: "2.0",
    id,
    error: {
      code: Number.isSafeInteger(code) ? (code as number) : INTERNAL_ERROR,
      message: typeof message === "string" ? message : "",
      ...(data !== undefined && isShallow(data, MAX_ERROR_DEPTH) ? { data } : {}),
    },
  };
}

/** One child's. */
export class Conversation {
  /** The SDK's ids of what has no answer yet, by those that the child was told. */
  readonly #ids = new Map<unknown, Id>();
  readonly #newId: () => number;

  /** @param newId unpredictable, between 1 and {@link MAX_ID} */
  constructor(newId: () => number) {
    this.#newId = newId;
  }

  /** What is sent in place of a message of the SDK. */
  out(message: JSONRPCMessage): JSONRPCMessage {
    if (!("method" in message)) return message;
    if ("id" in message) return this.#ask(message);
    if (message.method !== "notifications/cancelled") return message;
    const [told] = [...this.#ids].find(([, id]) => id === message.params?.["requestId"]) ?? [];
    this.#ids.delete(told);
    return { ...message, params: { ...message.params, requestId: told } };
  }

  #ask<Request extends { id: Id; params?: Readonly<Record<string, unknown>> | undefined }>(request: Request): Request {
    let told = this.#newId();
    while (this.#ids.has(told)) told = this.#newId();
    this.#ids.set(told, request.id);
    const meta = request.params?.["_meta"];
    if (!isRecord(meta) || meta["progressToken"] !== request.id) return { ...request, id: told };
    return { ...request, id: told, params: { ...request.params, _meta: { ...meta, progressToken: told } } };
  }

  /** @returns what of a line is for the SDK; null = the line is no JSON-RPC */
  in(line: string): readonly JSONRPCMessage[] | null {
    if (line.length > MAX_NOTICE && ![...this.#ids.keys()].some((told) => line.includes(String(told)))) return [];
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return null;
    }
    const messages = (Array.isArray(value) ? value.slice(0, MAX_BATCH) : [value]).filter(isMessage);
    return messages.length === 0 ? null : messages.flatMap((message) => this.#read(message));
  }

  /** The answer that was too long to be read. @param told the id that it has @returns null = it answers nothing */
  tooLong(told: number): JSONRPCMessage | null {
    const id = this.#take(told);
    return id === undefined ? null : failed(id, ANSWER_TOO_LARGE);
  }

  #take(told: unknown): Id | undefined {
    const id = this.#ids.get(told);
    this.#ids.delete(told);
    return id;
  }

  #read(message: Message): readonly JSONRPCMessage[] {
    if (!("method" in message)) {
      const id = this.#take(asId(message["id"]));
      return id === undefined ? [] : [answerOf(id, message)];
    }
    if (!isShallow(message, MAX_DEPTH)) return [];
    const { params } = message;
    if (message["method"] !== "notifications/progress" || !isRecord(params))
      return [message as unknown as JSONRPCMessage];
    const id = this.#ids.get(asId(params["progressToken"]));
    if (id === undefined) return [];
    return [{ ...message, params: { ...params, progressToken: id } } as unknown as JSONRPCMessage];
  }
}
