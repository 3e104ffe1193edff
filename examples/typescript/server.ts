/** An MCP server with the TypeScript SDK, over its standard streams. It knows nothing of mcpist. */
import { McpServer } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

const server = new McpServer(
  { name: "weather", version: "1.0.0" },
  { instructions: "Temperatures are in degrees Celsius." },
);

server.registerTool(
  "get_forecast",
  {
    title: "Forecast",
    description: "Says what the weather will be like tomorrow.",
    inputSchema: z.object({ city: z.string().max(100).describe("Name of the city") }),
    outputSchema: z.object({ city: z.string(), celsius: z.number() }),
    annotations: { readOnlyHint: true },
  },
  ({ city }) => {
    // The secret of the configuration; a real server shows it to the weather service.
    if (!process.env["WEATHER_KEY"]) throw new Error("WEATHER_KEY is not set");
    const forecast = { city, celsius: 10 + (city.length % 15) };
    return { content: [{ type: "text", text: `${city}: ${forecast.celsius} °C` }], structuredContent: forecast };
  },
);

await server.connect(new StdioServerTransport());
