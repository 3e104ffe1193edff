/** Why a statement failed, in one sentence that says who is at fault and what to do. Never a part of the database's address. */

/** What a driver's error says. */
interface Fault {
  readonly code?: string;
  readonly message?: string;
  /** Characters from the start of what was sent, from 1. */
  readonly position?: string;
  readonly where?: string;
}

const MAX_LENGTH = 200;
const faultOf = (cause: unknown): Fault => (typeof cause === "object" && cause !== null ? cause : {});

/** The server's own words, short and without control characters. A message names objects; rows are in its detail, which is left out. */
const wordsOf = ({ message = "" }: Fault): string =>
  message
    .replaceAll(/[^\x21-\x7e]+/g, " ")
    .trim()
    .slice(0, MAX_LENGTH);

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens at the database's address",
  ENOTFOUND: "the database's host name cannot be resolved",
  ECONNRESET: "the connection to the database was lost: run it again",
  ETIMEDOUT: "the database does not answer",
  "08006": "the connection to the database was lost: run it again",
  "57P01": "the database ended the connection, as in a restart or a failover: run it again",
  "57P03": "the database is starting or stopping: run it again in a minute",
  "28P01": "the database refused the password",
  "28000": "the database refused the login",
  "3D000": "there is no database of that name",
  "53300": "the database has no connection left: stop something that uses it, and run it again",
  "53100": "the database's disk is full",
  "25006": "this is a read-only copy: use the address of the primary",
  "55P03": "somebody holds a table that it changes: run it again",
  "57014": "it took longer than the role's statement_timeout: set that to 0 for this role and run it again",
  "40P01": "it and another transaction waited for each other: run it again",
};

/** Why it failed. `role`: who is logged in, where that is known. */
export function explain(cause: unknown, role: string | null = null): string {
  const fault = faultOf(cause);
  const { code = "", message = "" } = fault;
  const known = REASONS[code];
  if (known !== undefined) return known;
  if (/certificate|CERT_|self.signed/i.test(`${code} ${message}`))
    return "the certificate of the database was not accepted: sslrootcert names its authority";
  if (/timeout|timed out/i.test(message)) return "the database does not answer in time";
  if (code === "42501")
    return `${role === null ? "the role" : `role "${role}"`} may not do this: use the owner's address (on Supabase, of "postgres")`;
  if (/^42(?:710|P0[4-7]|723)$/.test(code))
    return `something of that name is there already, made by hand or by another program (${wordsOf(fault)})`;
  const words = wordsOf(fault);
  return words === "" ? "the database gave no reason" : `${words}${/^[0-9A-Z]{5}$/.test(code) ? ` (${code})` : ""}`;
}

/** Line of `text` at which it failed, where the server says so; `before`: characters that were sent ahead of it. */
export function lineOf(cause: unknown, text: string, before: number): number | null {
  const at = Number(faultOf(cause).position ?? Number.NaN) - 1 - before;
  return at >= 0 && at <= text.length ? text.slice(0, at).split("\n").length : null;
}
