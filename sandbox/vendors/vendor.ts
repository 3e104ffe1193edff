/**
 * One loopback listener per vendor: carries out fault rules, logs calls and reports every call that is not imitated by name
 * (404 and one line on stderr), so that no client is ever answered by accident.
 */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createAdaptorServer, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono, type Context, type MiddlewareHandler } from "hono";
import type { TargetKind } from "../../contract/secret-names.ts";
import { held } from "./descriptions/hook.ts";
import { errorBody } from "./error-shapes.ts";
import type { Call, FaultEffect, Faults, VendorName } from "./faults.ts";

/** How slow the imitated platforms are. Unit: milliseconds. */
export interface Timings {
  /** Koyeb: each step of a deployment's status walk. */
  readonly koyebStepMs: number;
  /** Koyeb: old instances serve on for this long after the new deployment is healthy. */
  readonly koyebDrainMs: number;
  /** Fly: reboot of a Machine on update. */
  readonly flyBootMs: number;
  /** Cloudflare: longest time until an edge location runs a new deployment. */
  readonly edgeLagMs: number;
  /** GitHub: `updated_at` is this late. */
  readonly githubLagMs: number;
  /** Every platform: lists show what was this long ago. A read of one object is not late. */
  readonly listLagMs: number;
}

/** Fast enough for a demo, slow enough that every guard of the protocol is needed. */
export const DEFAULT_TIMINGS: Timings = {
  koyebStepMs: 150,
  koyebDrainMs: 600,
  flyBootMs: 300,
  edgeLagMs: 800,
  githubLagMs: 200,
  listLagMs: 200,
};

/** What every vendor of one sandbox shares. */
export interface VendorContext {
  readonly faults: Faults;
  /** May be replaced while the sandbox runs (slow rollouts, lagging edges). */
  timings: Timings;
  /** Instances that start from now on are light ones inside this process (processes/light.ts), not processes of the origin. */
  light: boolean;
  /** Folder of somebody's own modules, which the image of every origin has; absent = none. */
  readonly modules?: string | undefined;
  /** Header value of {@link BY_HAND}: what the sandbox itself does in the name of a person at a vendor's console. */
  readonly byHand: string;
  /** Port for a listener by its fixed name, or 0 for an ephemeral one. */
  readonly port: (listener: string) => number;
  /** One line for the operator, without a line break. Never a secret. */
  readonly log: (line: string) => void;
  /** Bearer tokens that the vendors accept. */
  readonly tokens: Readonly<Record<TargetKind, string>>;
}

/** Hono app of a vendor: `c.env.incoming` / `c.env.outgoing` are Node's own. */
export type VendorApp = Hono<{ Bindings: HttpBindings }>;

/** A running listener. */
export interface Listener {
  /** `http://127.0.0.1:<port>`, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  close(): Promise<void>;
}

/** Connections that the sandbox itself has dropped. */
const cut = new WeakSet<HttpBindings["outgoing"]>();

/** @returns the answer that replaces the vendor's own, or null when the call only came late. */
async function carryOut(
  effect: FaultEffect,
  outgoing: HttpBindings["outgoing"],
  bodyOf: (status: number, message: string) => object,
): Promise<Response | null> {
  if (effect.kind === "status") {
    const headers: Record<string, string> =
      effect.retryAfterSeconds === undefined ? {} : { "retry-after": String(effect.retryAfterSeconds) };
    return Response.json(bodyOf(effect.status, "fault injected by the sandbox"), { status: effect.status, headers });
  }
  // Unreferenced: a hanging call must not keep a closing sandbox alive.
  if (effect.kind !== "reset") await sleep(effect.ms, undefined, { ref: false });
  if (effect.kind === "delay") return null;
  cut.add(outgoing);
  outgoing.destroy();
  return RESPONSE_ALREADY_SENT;
}

/** Request header of an edit by hand: no fault rule sees it, and no log. */
export const BY_HAND = "x-mcpist-by-hand";

/** Wraps `app` with fault rules and the call log. */
export function withFaults(vendor: VendorName, context: VendorContext, app: VendorApp): VendorApp {
  const outer: VendorApp = new Hono();
  const calls = new WeakMap<Request, Call>();
  outer.all("*", async (c) => {
    if (c.req.header(BY_HAND) === context.byHand) return app.fetch(c.req.raw, c.env);
    const url = new URL(c.req.url);
    const { call, effects, held: listened } = context.faults.record(vendor, c.req.method, url.pathname + url.search);
    const { outgoing } = c.env;
    outgoing.once("close", () => {
      call.gone = !outgoing.writableFinished && !cut.has(outgoing);
    });
    await listened;
    const bodyOf = (status: number, message: string) => errorBody(vendor, status, message, url.pathname);
    const late = (effect: FaultEffect) => effect.kind !== "delay" && effect.when !== "before";
    for (const effect of effects.filter((candidate) => !late(candidate))) {
      const answer = await carryOut(effect, outgoing, bodyOf);
      if (answer) {
        call.status = effect.kind === "status" ? effect.status : 0;
        return answer;
      }
    }
    calls.set(c.req.raw, call);
    const response = await held(vendor, c.req.raw, () => app.fetch(c.req.raw, c.env), {
      isImitated: () => call.known,
      deviates(message) {
        context.log(`sandbox: ${vendor} ${message}`);
        return Response.json(bodyOf(500, message), { status: 500 });
      },
    });
    call.status = response.status;
    for (const effect of effects.filter(late)) {
      const answer = await carryOut(effect, outgoing, bodyOf);
      if (answer) {
        await response.body?.cancel();
        call.status = effect.kind === "status" ? effect.status : 0;
        return answer;
      }
    }
    return response;
  });
  app.notFound((c) => {
    const call = calls.get(c.req.raw);
    if (call) call.known = false;
    const { pathname } = new URL(c.req.url);
    context.log(`sandbox: ${vendor} does not imitate ${c.req.method} ${pathname}`);
    const message = `${c.req.method} ${pathname} is not imitated by the mcpist sandbox`;
    // GraphQL tells errors in an answer that is none.
    return c.json(errorBody(vendor, 404, message, pathname), pathname.endsWith("/graphql") ? 200 : 404);
  });
  return outer;
}

/**
 * For an emulator without errors of its own: what a handler did not expect is 500 in the vendor's shape, and a line with the place.
 * Never with the error's text, which may quote what was sent.
 */
export const failing =
  (vendor: VendorName, context: Pick<VendorContext, "log">) =>
  (error: Error, c: Context): Response => {
    const { pathname } = new URL(c.req.url);
    context.log(`sandbox: ${vendor} failed at ${c.req.method} ${pathname}: ${error.name} ${placeOf(error)}`);
    return c.json(errorBody(vendor, 500, "internal error of the sandbox", pathname), 500);
  };
const placeOf = (error: Error): string => /\n\s+(at .*)/.exec(error.stack ?? "")?.[1] ?? "";

/** Lets a call through when it has no other query parameters: an answer that ignored one would be another answer than the vendor's. */
export const onlyQuery =
  (...names: readonly string[]): MiddlewareHandler =>
  async (c, next) =>
    Object.keys(c.req.query()).every((name) => names.includes(name)) ? next() : c.notFound();

/** The other way round: lets a call through when it has none of these, which the vendor has and this emulator does not act on. */
export const withoutQuery =
  (...names: readonly string[]): MiddlewareHandler =>
  async (c, next) =>
    Object.keys(c.req.query()).some((name) => names.includes(name)) ? c.notFound() : next();

/** The same as {@link onlyQuery} for the fields of a body. */
export const hasOnly = (body: Readonly<Record<string, unknown>>, ...names: readonly string[]): boolean =>
  Object.keys(body).every((name) => names.includes(name));

/** Listens on loopback. @throws when the port is taken. */
export async function listen(app: VendorApp, port: number): Promise<Listener> {
  return listenServer(createAdaptorServer({ fetch: app.fetch }) as Server, port);
}

/** Longer than any client keeps an idle connection, so that no request meets its closing. Unit: milliseconds. */
const KEEP_ALIVE_MS = 120_000;

/** Listens on loopback with a plain Node server. @throws when the port is taken. */
export async function listenServer(server: Server, port: number): Promise<Listener> {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    server,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
