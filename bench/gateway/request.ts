/** The request that the benchmarks of the gateway send. */

/** A modern tool call as one piece of bytes, with the headers that a client and the edge put on it. */
export const requestWith = (bearer: string, body: string): Buffer =>
  Buffer.from(
    [
      "POST /mcp HTTP/1.1",
      "Host: mcp.example.com",
      `Authorization: Bearer ${bearer}`,
      "Content-Type: application/json",
      "Accept: application/json, text/event-stream",
      "MCP-Protocol-Version: 2026-07-28",
      "Mcp-Method: tools/call",
      "Mcp-Name: call",
      "Mcp-Param-Module: time",
      "Mcp-Param-Tool: now",
      "User-Agent: bench",
      "CF-Connecting-IP: 203.0.113.7",
      `Content-Length: ${Buffer.byteLength(body)}`,
      "",
      body,
    ].join("\r\n"),
  );
