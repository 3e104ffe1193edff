/** The authority that the database's certificate is checked against, looked at when a process starts: the driver reads it later. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { readDatabaseUrl } from "../../contract/database-url.ts";
import { faultOf } from "../faults.ts";

const NEXT_STEP = "put the certificate of the database's authority there";

/** What is wrong with the file that `sslrootcert` of `url` names, without any part of the address; null when it can be used. */
export function authorityFault(url: string): string | null {
  const address = readDatabaseUrl(url);
  if (typeof address === "string" || address.caFile === null) return null;
  let text: string;
  try {
    text = readFileSync(address.caFile, "utf8");
  } catch (cause) {
    return `names a file in sslrootcert that cannot be read here (${faultOf(cause).code ?? "unknown"}): ${NEXT_STEP}`;
  }
  try {
    void new X509Certificate(text);
    return null;
  } catch {
    return `names a file in sslrootcert that does not begin with a certificate in PEM: ${NEXT_STEP}`;
  }
}
