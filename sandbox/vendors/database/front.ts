/**
 * A PostgreSQL server in front of one PGlite. Every session gets the backend for whole exchanges (up to Sync) and whole
 * transactions, so that several pools can work side by side; pglite-socket mixes the messages of two clients when one of them
 * arrives in pieces, and lets their prepared statements collide. Sessions run as the role that they name.
 * Not kept apart: session settings (SET without LOCAL), temporary tables, LISTEN, advisory locks, COPY.
 */
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { PGlite } from "@electric-sql/pglite";
import {
  fatal,
  greeting,
  message,
  readStartup,
  scopeStatement,
  splitMessages,
  transactionStatus,
  typeOf,
} from "./protocol.ts";
import { Turnstile } from "./turnstile.ts";

/** A session that holds a transaction open and says nothing while others wait is ended: a frozen process must not block the rest. Unit: milliseconds. */
const IDLE_IN_TRANSACTION_MS = 2_000;
const SUPERUSER = "postgres";

/** A running front. */
export interface Front {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on loopback. @throws when the port is taken. */
export async function startFront(database: PGlite, port: number): Promise<Front> {
  const { rows } = await database.query<{ version: string }>("select current_setting('server_version') as version");
  const backend = new Backend(database, rows[0]?.version ?? "");
  const sessions = new Set<Session>();
  const server: Server = createServer((socket) => {
    const session = new Session(socket, backend);
    sessions.add(session);
    socket.once("close", () => sessions.delete(session));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const session of sessions) session.end("57P01", "the sandbox is closing");
      await closed;
    },
  };
}

/** The one backend: who is inside, and as which role it runs. */
class Backend {
  readonly version: string;
  readonly turnstile: Turnstile;
  readonly holders = new Map<number, Session>();
  readonly #database: PGlite;
  #role = SUPERUSER;
  #nextId = 1;

  constructor(database: PGlite, version: string) {
    this.#database = database;
    this.version = version;
    this.turnstile = new Turnstile((holder) => this.holders.get(holder)?.hurry());
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** Only inside the turnstile. */
  async execute(bytes: Buffer): Promise<Buffer> {
    return Buffer.from(await this.#database.execProtocolRaw(new Uint8Array(bytes), { throwOnError: false }));
  }

  /** Only inside the turnstile and outside a transaction. @returns false when there is no such role. */
  async become(role: string): Promise<boolean> {
    if (role === this.#role) return true;
    // Not RESET: in PGlite it leaves the role as it is.
    const output = await this.execute(message("Q", `set session authorization "${role.replaceAll('"', '""')}"\0`));
    if (typeOf(output) === "E") return false;
    this.#role = role;
    return true;
  }
}

/** One client connection. */
class Session {
  readonly #id: number;
  readonly #socket: Socket;
  readonly #backend: Backend;
  readonly #statements = new Set<string>();
  #started = false;
  #role = SUPERUSER;
  #input: Buffer = Buffer.alloc(0);
  #batch: Buffer[] = [];
  #tail: Promise<void> = Promise.resolve();
  #open = true;
  #status: "I" | "T" | "E" | "busy" = "I";
  #idle: NodeJS.Timeout | undefined;

  constructor(socket: Socket, backend: Backend) {
    this.#socket = socket;
    this.#backend = backend;
    this.#id = backend.nextId();
    backend.holders.set(this.#id, this);
    socket.setNoDelay(true);
    socket.on("data", (data) => this.#receive(data));
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      this.#open = false;
      this.#after(() => this.#leaveForGood());
    });
  }

  /** Somebody waits: if this session is only sitting in a transaction, it has a moment left. */
  hurry(): void {
    if (this.#idle !== undefined || (this.#status !== "T" && this.#status !== "E")) return;
    this.#idle = setTimeout(
      () => this.end("25P03", "terminating connection due to idle-in-transaction timeout"),
      IDLE_IN_TRANSACTION_MS,
    );
  }

  end(code: string, text: string): void {
    this.#socket.end(fatal(code, text));
    this.#socket.destroySoon();
  }

  #receive(data: Buffer): void {
    this.#input = Buffer.concat([this.#input, data]);
    while (!this.#started) if (!this.#start()) return;
    const { messages, rest } = splitMessages(this.#input);
    this.#input = rest;
    for (const original of messages) {
      const type = typeOf(original);
      if (type === "X") {
        this.#socket.end();
        return;
      }
      const scoped = scopeStatement(original, `s${this.#id}_`);
      if (scoped.parsed !== undefined) this.#statements.add(scoped.parsed);
      if (scoped.closed !== undefined) this.#statements.delete(scoped.closed);
      this.#batch.push(scoped.message);
      // Sync, Query and FunctionCall end an exchange; Flush wants an answer in the middle of one.
      if (type !== "S" && type !== "Q" && type !== "F" && type !== "H") continue;
      const bytes = Buffer.concat(this.#batch);
      this.#batch = [];
      this.#after(() => this.#exchange(bytes));
    }
  }

  /** @returns false when more bytes are needed or the connection is over. */
  #start(): boolean {
    const { startup, length } = readStartup(this.#input);
    this.#input = this.#input.subarray(length);
    if (startup.kind === "encryption") this.#socket.write("N");
    if (startup.kind === "unsupported") this.end("08P01", "the sandbox's database speaks protocol 3.0");
    // One backend cannot interrupt itself; who cancels expects no answer.
    if (startup.kind === "cancel") this.#socket.end();
    if (startup.kind !== "start") return startup.kind === "encryption";
    this.#started = true;
    this.#role = startup.parameters["user"] ?? SUPERUSER;
    this.#socket.write(greeting(this.#id, this.#backend.version));
    return true;
  }

  async #exchange(bytes: Buffer): Promise<void> {
    if (!this.#open) return;
    clearTimeout(this.#idle);
    this.#idle = undefined;
    const { turnstile } = this.#backend;
    await turnstile.enter(this.#id);
    if (this.#status === "I" && !(await this.#backend.become(this.#role))) {
      turnstile.leave(this.#id);
      this.end("28000", `role "${this.#role}" does not exist`);
      return;
    }
    this.#status = "busy";
    const output = await this.#backend.execute(bytes);
    const status = transactionStatus(output);
    if (status !== null) this.#status = status;
    if (status === "I") turnstile.leave(this.#id);
    else if (turnstile.contended) this.hurry();
    if (this.#open) this.#socket.write(output);
  }

  /** Rolls back what is open and forgets this session's statements. */
  async #leaveForGood(): Promise<void> {
    clearTimeout(this.#idle);
    const { turnstile } = this.#backend;
    if (turnstile.holds(this.#id) || this.#statements.size > 0) {
      await turnstile.enter(this.#id);
      if (this.#status === "busy") await this.#backend.execute(message("S"));
      if (this.#status !== "I") await this.#backend.execute(message("Q", "rollback\0"));
      const closing = [...this.#statements].map((name) => message("C", `S${name}\0`));
      if (closing.length > 0) await this.#backend.execute(Buffer.concat([...closing, message("S")]));
      turnstile.leave(this.#id);
    }
    this.#backend.holders.delete(this.#id);
  }

  /** Exchanges of one session run in order; a broken backend ends the session and frees the others. */
  #after(step: () => Promise<void>): void {
    this.#tail = this.#tail.then(step).catch(() => {
      this.#backend.turnstile.leave(this.#id);
      this.end("XX000", "the sandbox's database failed");
    });
  }
}
