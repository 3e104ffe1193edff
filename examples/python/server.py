"""An MCP server with FastMCP, over its standard streams. It knows nothing of mcpist."""

import os

from fastmcp import FastMCP
from pydantic import BaseModel

mcp = FastMCP("weather", instructions="Temperatures are in degrees Celsius.")


class Forecast(BaseModel):
    city: str
    celsius: int


@mcp.tool(annotations={"readOnlyHint": True})
def get_forecast(city: str) -> Forecast:
    """Says what the weather will be like tomorrow."""
    # The secret of the configuration; a real server shows it to the weather service.
    if not os.environ.get("WEATHER_KEY"):
        raise RuntimeError("WEATHER_KEY is not set")
    return Forecast(city=city, celsius=10 + len(city) % 15)


if __name__ == "__main__":
    mcp.run(show_banner=False)
