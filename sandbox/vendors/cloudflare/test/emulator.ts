/** What the tests of this folder share: a running emulator, a caller of its API, and a tiny Worker. Not used outside tests. */
import { setTimeout as sleep } from "node:timers/promises";
import { DEFAULT_TIMINGS, type Timings, type VendorContext } from "../../vendor.ts";
import { Faults } from "../../faults.ts";
import { Account } from "../account.ts";
import { held } from "../../descriptions/hook.ts";
import { API_ROOT, apiApp } from "../api/app.ts";
import { startCloudflare, type CloudflareEmulator } from "../cloudflare.ts";
import type { Binding } from "../model.ts";
import type { RunningVersion } from "../runtime/pool.ts";

export const TOKEN = "cf-token-for-tests";
export const NAMES = {
  accountId: "0123456789abcdef0123456789abcdef",
  zone: "sandbox.test",
  defaultWorker: "gw",
} as const;

/** A Worker that tells what it has and can stream, count in a Durable Object and use KV. `mark` makes different code. */
export const workerSource = (mark = "one"): string => `
import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
  count = 0;
  next() { return ++this.count; }
}
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/count") return new Response(String(await env.COUNTER.getByName("one").next()));
    if (url.pathname === "/kv") {
      if (request.method === "PUT") await env.KV.put("key", await request.text(), { metadata: { by: "worker" } });
      return Response.json(await env.KV.getWithMetadata("key"));
    }
    if (url.pathname === "/echo") return new Response(request.body);
    if (url.pathname === "/ticks") {
      let timer;
      const body = new ReadableStream({
        start(controller) {
          let n = 0;
          timer = setInterval(() => controller.enqueue(new TextEncoder().encode("data: " + ++n + "\\n\\n")), 20);
        },
        cancel() { clearInterval(timer); },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    }
    return Response.json({
      mark: ${JSON.stringify(mark)},
      secret: env.SECRET ?? null,
      version: env.VERSION?.id,
      tag: env.VERSION?.tag,
      address: request.headers.get("cf-connecting-ip"),
      colo: request.cf?.colo,
    });
  },
  async scheduled(controller) { console.log("ran " + controller.cron); },
};`;

export interface UploadOptions {
  readonly bindings?: readonly Binding[];
  readonly keep?: readonly string[];
  readonly source?: string;
  readonly metadata?: object;
}

/** The body of a script upload. */
export function uploadForm({
  bindings = [],
  keep,
  source = workerSource(),
  metadata = {},
}: UploadOptions = {}): FormData {
  const form = new FormData();
  const given = {
    main_module: "index.js",
    compatibility_date: "2026-06-01",
    bindings,
    ...(keep ? { keep_bindings: keep } : {}),
    ...metadata,
  };
  form.set("metadata", new Blob([JSON.stringify(given)], { type: "application/json" }));
  form.set("index.js", new File([source], "index.js", { type: "application/javascript+module" }));
  return form;
}

export const secret = (text: string, name = "SECRET"): Binding => ({ name, type: "secret_text", text });
export const VERSION_BINDING: Binding = { name: "VERSION", type: "version_metadata" };

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly result: T;
  readonly code: number | undefined;
  readonly message: string;
  readonly text: string;
}

/** Calls the API; the path is below the account when it does not start with a slash. */
type ApiCall = <T = Record<string, unknown>>(
  method: string,
  path: string,
  body?: FormData | object | string,
) => Promise<Answer<T>>;

/** @param send takes a path below `/client/v4` and a request. */
const apiCall =
  (send: (path: string, init: RequestInit) => Promise<Response>): ApiCall =>
  async <T>(method: string, path: string, body?: FormData | object | string): Promise<Answer<T>> => {
    const json = body !== undefined && !(body instanceof FormData) && typeof body !== "string";
    const response = await send(path.startsWith("/") ? path : `/accounts/${NAMES.accountId}/${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, ...(json ? { "content-type": "application/json" } : {}) },
      ...(body === undefined ? {} : { body: json ? JSON.stringify(body) : body }),
    });
    const text = await response.text();
    const envelope = (text.startsWith("{") ? JSON.parse(text) : {}) as {
      result: T;
      errors?: { code: number; message: string }[];
    };
    const [error] = envelope.errors ?? [];
    return {
      status: response.status,
      headers: response.headers,
      result: envelope.result,
      code: error?.code,
      message: error?.message ?? "",
      text,
    };
  };

/** The API alone, without a listener and without a runtime: every version "runs". */
export interface ApiKit {
  readonly account: Account;
  readonly call: ApiCall;
  /** Uploads and deploys; returns the version id. */
  put(worker: string, options?: UploadOptions): Promise<string>;
}

async function putScript(call: ApiCall, worker: string, options?: UploadOptions): Promise<string> {
  const answer = await call<{ deployment_id: string }>("PUT", `workers/scripts/${worker}`, uploadForm(options));
  if (answer.status !== 200) throw new Error(`upload: ${answer.status} ${answer.message}`);
  return answer.result.deployment_id;
}

export function apiKit(): ApiKit {
  const runner = {
    check: () => Promise.resolve(),
    prepare: () => Promise.resolve(() => undefined),
    forget: () => Promise.resolve(),
  };
  const account = new Account(NAMES, () => Promise.resolve(runner));
  const app = apiApp(account, TOKEN);
  const call = apiCall((path, init) => {
    const request = new Request(`http://127.0.0.1${API_ROOT}${path}`, init);
    return held("cloudflare", request, () => app.request(request), {
      isImitated: () => true,
      deviates: (message) => {
        throw new Error(message);
      },
    });
  });
  return { account, call, put: (worker, options) => putScript(call, worker, options) };
}

export interface Kit {
  readonly cloudflare: CloudflareEmulator;
  readonly context: VendorContext;
  readonly log: string[];
  readonly call: ApiCall;
  /** Uploads and deploys; returns the version id. */
  put(worker: string, options?: UploadOptions): Promise<string>;
  /** Asks the public side. */
  ask(worker: string, path?: string, init?: RequestInit): Promise<Response>;
  text(worker: string, path: string, init?: RequestInit): Promise<string>;
  /** Uploads the latest version once more with another secret, without deploying it; returns its id. */
  stage(worker: string, value: string): Promise<string>;
  /** Deploys versions by id and percentage. */
  deploy(worker: string, shares: Readonly<Record<string, number>>): Promise<void>;
  /** Makes a KV namespace; returns its id. */
  namespace(title: string): Promise<string>;
  running(worker: string): readonly RunningVersion[];
  /** Waits until every edge runs the active deployment. */
  settled(worker: string): Promise<void>;
}

/** Waits for a condition; the test's own timeout ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

export async function startKit(timings: Partial<Timings> = {}): Promise<Kit> {
  const log: string[] = [];
  const context: VendorContext = {
    faults: new Faults(),
    timings: { ...DEFAULT_TIMINGS, edgeLagMs: 0, listLagMs: 0, ...timings },
    light: false,
    byHand: "by-hand",
    port: () => 0,
    log: (line) => log.push(line),
    tokens: { github: "-", cloudflare: TOKEN, koyeb: "-", fly: "-" },
  };
  const cloudflare = await startCloudflare(context, NAMES);
  const call = apiCall((path, init) => fetch(cloudflare.apiUrl + path, init));
  const state = (worker: string) => cloudflare.workers().find((candidate) => candidate.name === worker);
  const settled = (worker: string): Promise<void> =>
    until(() => {
      const active = state(worker)?.deployments.at(-1)?.id;
      return active !== undefined && state(worker)?.edges.every(({ deployment }) => deployment?.id === active) === true;
    });
  const ask: Kit["ask"] = async (worker, path = "/", init = {}) =>
    fetch((await cloudflare.gatewayUrlOf(worker)) + path, init);
  return {
    cloudflare,
    context,
    log,
    call,
    settled,
    put: async (worker, options) => {
      const id = await putScript(call, worker, options);
      await settled(worker);
      return id;
    },
    ask,
    text: async (worker, path, init) => (await ask(worker, path, init)).text(),
    stage: async (worker, value) => {
      const patch = { env: { SECRET: { type: "secret_text", text: value } } };
      return (await call<{ id: string }>("PATCH", `workers/workers/${worker}/versions/latest`, patch)).result.id;
    },
    deploy: async (worker, shares) => {
      const versions = Object.entries(shares).map(([version_id, percentage]) => ({ version_id, percentage }));
      const answer = await call("POST", `workers/scripts/${worker}/deployments`, { strategy: "percentage", versions });
      if (answer.status !== 200) throw new Error(`deploy: ${answer.status} ${answer.message}`);
    },
    namespace: async (title) => (await call<{ id: string }>("POST", "storage/kv/namespaces", { title })).result.id,
    running: (worker) => state(worker)?.running ?? [],
  };
}
