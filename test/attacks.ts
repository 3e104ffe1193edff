/**
 * What hostile clients send: every part of a request in every size, count and pace that it can have, by strangers and by users without a
 * right. Generated from tables, so that the kin of an attack is tried with it. Sends; judges nothing.
 */
import { connect, type Socket } from "node:net";

/** One request as bytes. */
export interface Attack {
  readonly name: string;
  readonly bytes: Buffer;
  /** The connection is kept open and silent after these bytes. */
  readonly stalls: boolean;
}

const KIB = 1024;
const BODY = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
const MODERN = ["MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/list"];

function request(
  lines: readonly string[],
  { body = BODY, length = String(Buffer.byteLength(body, "latin1")), target = "/mcp", method = "POST" } = {},
): Buffer {
  const head = [
    `${method} ${target} HTTP/1.1`,
    "Host: gateway.test",
    "Content-Type: application/json",
    "Connection: close",
    ...(length === "" ? [] : [`Content-Length: ${length}`]),
    ...lines,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1");
}

const SIZES = [1, 100, 1000, 4 * KIB, 8 * KIB, 15 * KIB, 16 * KIB, 20 * KIB, 31 * KIB, 33 * KIB, 60 * KIB];
const BYTES = ["x", "\x80", "\xff", "é", "\t", "%", '"', ",", ";", "="];
const HEADERS = [
  "Mcp-Param-X",
  "Mcp-Name",
  "Mcp-Method",
  "Accept",
  "traceparent",
  "tracestate",
  "MCP-Protocol-Version",
  "Content-Type",
  "Origin",
  "X-Mcpist-Module-Limit",
  "X-User-ID",
  "Cookie",
];

/** Headers of one user or, without a token, of nobody. */
function headerAttacks(lines: readonly string[]): Attack[] {
  const sized = HEADERS.flatMap((header) =>
    SIZES.flatMap((size) =>
      BYTES.slice(0, header === "Mcp-Param-X" ? BYTES.length : 3).map((byte) => ({
        name: `${header}: ${size} of ${JSON.stringify(byte)}`,
        bytes: request([...MODERN, ...lines, `${header}: ${byte.repeat(Math.ceil(size / byte.length))}`]),
        stalls: false,
      })),
    ),
  );
  const counted = [1, 64, 65, 100, 101, 500, 1000].flatMap((count) =>
    ["Mcp-Param", "X-Mcpist", "X"].map((prefix) => ({
      name: `${count} headers ${prefix}-n`,
      bytes: request([...MODERN, ...lines, ...Array.from({ length: count }, (_, i) => `${prefix}-${i}: x`)]),
      stalls: false,
    })),
  );
  return [...sized, ...counted];
}

function bodyAttacks(lines: readonly string[]): Attack[] {
  const bodies: Record<string, string> = {
    nothing: "",
    "no JSON": "{",
    "a batch": "[1,2]",
    "deep arrays": "[".repeat(200 * KIB),
    "deep objects": '{"a":'.repeat(20 * KIB),
    "many values": `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":[${"1,".repeat(100_000)}1]}}`,
    "bytes that are no UTF-8": "\xff".repeat(1000),
    "a long id": `{"jsonrpc":"2.0","id":"${"i".repeat(60 * KIB)}","method":"ping"}`,
    "an unknown tool":
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"call","arguments":{"module":"lab","tool":"effect","params":{}}}}',
    "300 KiB": `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"${"x".repeat(300 * KIB)}"}}`,
    "3 MiB": `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"${"x".repeat(3 * KIB * KIB)}"}}`,
  };
  const whole = Object.entries(bodies).map(([name, body]) => ({
    name,
    bytes: request(lines, { body }),
    stalls: false,
  }));
  const stalled = [0, 1, 16 * KIB, 255 * KIB, 257 * KIB, 1024 * KIB, 4 * KIB * KIB - 10].flatMap((sent) =>
    [String(255 * KIB + 100), String(4 * KIB * KIB)]
      .filter((length) => Number(length) > sent)
      .map((length) => ({
        name: `stalls after ${sent} of ${length}`,
        bytes: request([...MODERN, ...lines], { body: "x".repeat(sent), length }),
        stalls: true,
      })),
  );
  const chunked = ["5", "fffff", "ffffffff", "zz"].map((size) => ({
    name: `a chunk of ${size} that does not come`,
    bytes: request([...lines, "Transfer-Encoding: chunked"], { body: `${size}\r\nxxx`, length: "" }),
    stalls: true,
  }));
  // Each chunk may cost the reader a turn, and a buffer of its own.
  const cut = [
    ["1", "x", 60_000],
    ["1", "x", 250_000],
    ["1", "x", 1_000_000],
    ["1;a=b", "x", 60_000],
    ["2", "xx", 125_000],
  ].map(([size, data, count]) => ({
    name: `${count} chunks of ${size}`,
    bytes: request([...MODERN, ...lines, "Transfer-Encoding: chunked"], {
      body: `${`${size}\r\n${data}\r\n`.repeat(Number(count))}0\r\n\r\n`,
      length: "",
    }),
    stalls: false,
  }));
  return [...whole, ...stalled, ...chunked, ...cut];
}

function anonymousAttacks(): Attack[] {
  const forged = `eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImtleS0xIn0.e30.${"A".repeat(86)}`;
  const targets = ["/", "/health", "/mcp", "/nothing", "/.well-known/mcpist/gateway", "/.well-known/security.txt"];
  const reads = targets.flatMap((target) =>
    ["GET", "HEAD", "OPTIONS", "DELETE", "PUT"].map((method) => ({
      name: `${method} ${target}`,
      bytes: request([], { method, target, body: "", length: "" }),
      stalls: false,
    })),
  );
  const queries = ["eyJ", "a", "&a=", "%41", "eyJ.a", "."].flatMap((piece) =>
    [1 * KIB, 8 * KIB, 15 * KIB].map((size) => ({
      name: `a query of ${size} of ${piece}`,
      bytes: request([], { target: `/mcp?a=${piece.repeat(size / piece.length)}` }),
      stalls: false,
    })),
  );
  const tokens = [forged, "a.b.c", "x".repeat(9000), "eyJ".repeat(2000), `${forged},${forged}`, ""].map((token) => ({
    name: `a token of ${token.length}`,
    bytes: request([`Authorization: Bearer ${token}`]),
    stalls: false,
  }));
  return [...reads, ...queries, ...tokens, ...headerAttacks([]).filter((_, i) => i % 5 === 0), ...bodyAttacks([])];
}

/** Every attack once. @param tokens of users who have no right; they take turns @param address that all come from */
export function attacks(tokens: readonly string[], address: string): readonly Attack[] {
  const from = `CF-Connecting-IP: ${address}`;
  const signed = (make: (lines: readonly string[]) => Attack[], by: number): Attack[] =>
    make([from, `Authorization: Bearer ${tokens[by % tokens.length] ?? ""}`]);
  const anonymous = anonymousAttacks().map((attack) => ({
    ...attack,
    bytes: Buffer.from(attack.bytes.toString("latin1").replace("\r\n", `\r\n${from}\r\n`), "latin1"),
  }));
  const users = tokens.flatMap((_, by) => [
    ...signed(headerAttacks, by).filter((__, i) => i % tokens.length === by),
    ...signed(bodyAttacks, by),
  ]);
  return [...users, ...anonymous];
}

/** The worst of them, each of another user: what exceeds a limit that only the next hop has, and what holds places. */
export function volleys(tokens: readonly string[], address: string): readonly Attack[] {
  const names = [
    'Mcp-Param-X: 8192 of "\x80"',
    'Mcp-Param-X: 8192 of "ÿ"',
    'Mcp-Param-X: 20480 of "x"',
    'Mcp-Name: 31744 of "x"',
    "1000 headers Mcp-Param-n",
    "101 headers Mcp-Param-n",
    "3 MiB",
    "250000 chunks of 1",
    `stalls after ${255 * KIB} of ${255 * KIB + 100}`,
    `stalls after ${4 * KIB * KIB - 10} of ${4 * KIB * KIB}`,
  ];
  return names.flatMap((wanted, by) => {
    const lines = [`CF-Connecting-IP: ${address}`, `Authorization: Bearer ${tokens[by % tokens.length] ?? ""}`];
    return [...headerAttacks(lines), ...bodyAttacks(lines)].filter(({ name }) => name === wanted).slice(0, 1);
  });
}

/** Sends one. @returns its connection; it closes by itself unless the attack stalls */
export function send(port: number, { bytes }: Attack): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.resume();
  socket.write(bytes);
  return socket;
}
