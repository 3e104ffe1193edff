import { environment } from "../environment.ts";

export default {
  environments: {
    example: {
      ...environment,
      servers: {
        // npm install --prefix . @modelcontextprotocol/server-everything@2026.8.31
        everything: { command: ["mcp-server-everything", "stdio"], folder: "." },
      },
    },
  },
};
