/**
 * A certificate authority for one sandbox: it signs one certificate for one host, and its private key is forgotten at once.
 * Only programs that are told to trust it do; nothing is added to the machine's trust store.
 */
// The library's container asks for this before it is loaded.
import "reflect-metadata";
import { KeyObject } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const LIFETIME_DAYS = 30;
/** Clocks of two programs on one machine agree, but not to the second. */
const BACKDATE_MS = 60_000;

/** PEM texts: whom to trust, and what the server shows and keeps to itself. */
export interface HostCertificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes an authority and a server certificate for `host`. */
export async function issueFor(host: string): Promise<HostCertificate> {
  const makeKeys = () => crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const [authority, server] = await Promise.all([makeKeys(), makeKeys()]);
  const notBefore = new Date(Date.now() - BACKDATE_MS);
  const notAfter = new Date(Date.now() + LIFETIME_DAYS * 86_400_000);
  const issuer = "CN=mcpist sandbox";
  const shared = { notBefore, notAfter, issuer, signingAlgorithm: ALGORITHM, signingKey: authority.privateKey };
  const [ca, cert] = await Promise.all([
    X509CertificateGenerator.create({
      ...shared,
      serialNumber: "01",
      subject: issuer,
      publicKey: authority.publicKey,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      ],
    }),
    X509CertificateGenerator.create({
      ...shared,
      serialNumber: "02",
      subject: `CN=${host}`,
      publicKey: server.publicKey,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension([{ type: "dns", value: host }]),
      ],
    }),
  ]);
  const key = KeyObject.from(server.privateKey).export({ type: "pkcs8", format: "pem" }).toString();
  return { ca: `${ca.toString("pem")}\n`, cert: cert.toString("pem"), key };
}
