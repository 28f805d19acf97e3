import { describe, expect, it } from "vitest";
import { gatewayCommand } from "./gateway.ts";
import { realPorts } from "./real-ports.ts";
import { readServerStart } from "./read-server-start.ts";

/** What Commander makes of the same arguments. */
function byCommander(args: readonly string[]): { readonly command: readonly string[]; readonly options: object } | undefined {
  const command = gatewayCommand(realPorts(), () => undefined, []);
  command.action(() => undefined);
  command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  try {
    command.parse([...args], { from: "user" });
  } catch {
    return undefined;
  }
  return { command: args.slice(args.indexOf("--") + 1), options: { ...command.opts() } };
}

describe("the arguments of a server's start, read without Commander", () => {
  it.each([
    ["--", "node", "server.js", "--name", "its own"],
    ["--name", "files", "--policies", "p.yaml", "--", "npx", "-y", "server"],
    ["--name=files", "--hold=0.5", "--", "server", "--", "--hold", "1"],
    ["--hold", "3600", "--agent", "a", "--user", "u", "--dir", "/state", "--no-control-plane", "--policies", "p", "--", "server"],
    ["--name", "one", "--name", "two", "--", "server"],
    ["--name", "", "--agent=", "--", "server"],
    ["--"],
  ])("mean what they mean to Commander: %j", (...args) => {
    const start = readServerStart(args);
    expect(start).toBeDefined();
    expect(start).toEqual(byCommander(args));
  });

  it.each([
    ["--help"],
    ["--url", "https://example.com/mcp"],
    ["--http", "--", "server"],
    ["--config", "c.yaml"],
    ["--header", "A: b", "--url", "https://example.com/mcp"],
    ["--hold", "no", "--", "server"],
    ["--hold", "0.05", "--", "server"],
    ["--unknown", "--", "server"],
    ["--name", "--policies", "p.yaml", "--", "server"],
    ["--name", "--", "server"],
    ["--no-control-plane=false", "--", "server"],
    ["files", "--", "server"],
    ["-h", "--", "server"],
  ])("are left to Commander where they are not just these: %j", (...args) => {
    expect(readServerStart(args)).toBeUndefined();
  });
});
