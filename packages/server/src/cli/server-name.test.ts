import { expect, it } from "vitest";
import { serverNameOfUrl } from "./server-name.ts";

it.each([
  ["https://mcp.linear.app/sse", "linear"],
  ["https://api.githubcopilot.com/mcp/", "githubcopilot"],
  ["https://example.com/github/mcp", "github"],
  ["https://example.com/v1/github-mcp", "github"],
  ["https://mcp.example.com/api/mcp/s/aVeryLongSecretThatIsInThePath0123456789abcdef/mcp", "example"],
  ["https://www.example.co.uk/mcp", "example"],
  ["http://localhost:3001/mcp", "localhost"],
  ["http://127.0.0.1:3001/mcp", "server"],
  ["http://[::1]:3001/mcp", "server"],
  ["https://mcp.com/", "mcp"],
])("%s is called %s", (address, name) => {
  expect(serverNameOfUrl(new URL(address))).toBe(name);
});
