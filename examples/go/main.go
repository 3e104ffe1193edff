// An MCP server with the Go SDK, over its standard streams. It knows nothing of mcpist.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type input struct {
	City string `json:"city" jsonschema:"name of the city"`
}

type forecast struct {
	City    string `json:"city"`
	Celsius int    `json:"celsius"`
}

func getForecast(_ context.Context, _ *mcp.CallToolRequest, in input) (*mcp.CallToolResult, forecast, error) {
	// The secret of the configuration; a real server shows it to the weather service.
	if os.Getenv("WEATHER_KEY") == "" {
		return nil, forecast{}, errors.New("WEATHER_KEY is not set")
	}
	out := forecast{City: in.City, Celsius: 10 + len(in.City)%15}
	text := &mcp.TextContent{Text: fmt.Sprintf("%s: %d °C", out.City, out.Celsius)}
	return &mcp.CallToolResult{Content: []mcp.Content{text}}, out, nil
}

func main() {
	server := mcp.NewServer(
		&mcp.Implementation{Name: "weather", Version: "1.0.0"},
		&mcp.ServerOptions{Instructions: "Temperatures are in degrees Celsius."},
	)
	mcp.AddTool(server, &mcp.Tool{
		Name:        "get_forecast",
		Description: "Says what the weather will be like tomorrow.",
		Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true},
	}, getForecast)
	if err := server.Run(context.Background(), &mcp.StdioTransport{}); err != nil {
		log.Fatal(err)
	}
}
