/**
 * A client for trying out: `node client.ts MODULE TOOL '{"name":"value"}'` in a terminal that has joined a sandbox. It signs in as the
 * sandbox's first user and calls one tool through the gateway, as every MCP client does.
 */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const [module, tool, params = "{}"] = process.argv.slice(2);
const sandbox = process.env["MCPIST_SANDBOX"];
if (sandbox === undefined) throw new Error('join a sandbox first: eval "$(mcpist sandbox --print-env)"');
const { gateway, control } = JSON.parse(sandbox) as { readonly gateway: string; readonly control: string };

const signIn = await fetch(`${control}/token`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ user: 1 }),
});
const { access_token: token } = (await signIn.json()) as { readonly access_token: string };

const client = new Client({ name: "example", version: "1.0.0" });
await client.connect(
  new StreamableHTTPClientTransport(new URL(`${gateway}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  }),
);
const { content } = await client.callTool({
  name: "call",
  arguments: { module, tool, params: JSON.parse(params) as unknown },
});
for (const block of content) process.stdout.write(`${block.type === "text" ? block.text : `(${block.type})`}\n`);
await client.close();
