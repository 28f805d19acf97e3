/**
 * What every story needs and none is about: a scratch folder, and an official MCP client that is connected to the official
 * filesystem server on it. In your own program these are your client and your server.
 */
import { mkdtemp, realpath, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";

/** A new folder with a readme.txt in it. */
export async function createScratchFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "countersign-example-")));
  await writeFile(join(folder, "readme.txt"), "Hello from the scratch folder.\n");
  return folder;
}

/** Starts the filesystem server on `folder` over stdio, and connects a client to it. */
export async function connectFilesystem(folder: string): Promise<Client> {
  const program = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-filesystem/dist/index.js"));
  const client = new Client({ name: "file-manager", version: "1.0.0" });
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [program, folder], stderr: "ignore" }));
  return client;
}

/** The first text of a tool's result. */
export function firstText(result: unknown): string {
  const [first] = CallToolResultSchema.parse(result).content;
  return first?.type === "text" ? first.text.trim() : "";
}
