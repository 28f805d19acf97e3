/**
 * What the suites of R25 and R11 are played on: a witness server that notes each run, before it the gateway in each of its fronts, a control
 * plane with its owner, and the official clients of both eras.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioV2 } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { startControlPlane, type RunningControlPlane } from "../control-plane/running-control-plane.ts";
import { signInOwner } from "../crash/fixture/installation.ts";
import { personAt, until, type Person, type Request } from "../crash/fixture/person.ts";
import { startHttpGateway, startHttpProgram, type HttpProgram } from "./http-gateway.ts";
import { gatewayBefore } from "./real-servers.ts";

/** The front of the gateway, and what it stands before. */
export const WAYS = ["stdio before a process", "HTTP before a process", "HTTP before HTTP"] as const;
export type Way = (typeof WAYS)[number];
export const ERAS = ["2025-11-25", "2026-07-28"] as const;
export type Era = (typeof ERAS)[number];

const POLICY = `version: 1
default: allow
policies:
  - name: notes
    match: [mcp:notes:write_note, mcp:notes:write_slowly]
    action: block
    reason: Notes need approval
  - name: soon
    match: mcp:notes:write_soon
    action: block
    reason: Soon or never
    approval: { timeoutMinutes: 0.02 }
`;

export interface Told {
  readonly isError: boolean;
  readonly text: string;
}
export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Asks for progress, and lets it make the client patient. */
  readonly onProgress?: (progress: { readonly progress: number; readonly message?: string | undefined }) => void;
}
export interface NotesClient {
  /** Rejects as the client does: with its own limit, a JSON-RPC error, an abort. */
  call(tool: "write_note" | "write_soon" | "write_slowly", note: string, options?: CallOptions): Promise<Told>;
  close(): Promise<void>;
}

export interface ContractStage {
  readonly plane: RunningControlPlane;
  readonly owner: Person;
  connect(way: Way, era: Era, fetch?: typeof globalThis.fetch): Promise<NotesClient>;
  /** All requests about this note, newest first. */
  about(note: string): Promise<readonly Request[]>;
  /** The request about this note, once it is in one of these states. */
  sees(note: string, ...states: readonly Request["state"][]): Promise<Request>;
  runsOf(note: string): number;
  close(): Promise<void>;
}

const WITNESS = fileURLToPath(new URL("../mcp/fixture/witness-server.ts", import.meta.url));
const INFO = { name: "contract", version: "1" };

export async function startContractStage({ holdS }: { readonly holdS: number }): Promise<ContractStage> {
  const home = mkdtempSync(join(tmpdir(), "countersign-contract-"));
  const file = join(home, "witness");
  const plane = await startControlPlane({ policy: POLICY });
  const programs: HttpProgram[] = [];
  const remove = async (): Promise<void> => {
    for (const program of programs.splice(0)) await program.close();
    await plane.remove();
    rmSync(home, { recursive: true, force: true });
  };
  try {
    const { headers } = await signInOwner(plane.url, plane.directory);
    const owner = personAt(() => plane.url, headers);
    const command = [process.execPath, WITNESS, file, "stdio"];
    const options = ["--name", "notes", "--agent", "tester", "--hold", String(holdS), "--dir", plane.directory];
    const started = async (program: Promise<HttpProgram>): Promise<string> => {
      programs.push(await program);
      return (await program).url;
    };
    const upstream = await started(startHttpProgram([process.execPath, WITNESS, file, "http"]));
    const urls = {
      "HTTP before a process": await started(startHttpGateway({ command }, options)),
      "HTTP before HTTP": await started(startHttpGateway({ url: upstream }, options)),
    };
    const notes = new Map<string, string>();
    const noteIn = async (id: string): Promise<string> => {
      const known = notes.get(id);
      if (known !== undefined) return known;
      const { note = "" } = JSON.parse((await owner.detail(id)).argumentsText ?? "{}") as { note?: string }; // the tool's own schema
      notes.set(id, note);
      return note;
    };
    const about = async (note: string): Promise<readonly Request[]> => {
      const all = await owner.requests();
      const named = await Promise.all(all.map(({ id }) => noteIn(id)));
      return all.filter((_, at) => named[at] === note);
    };
    return {
      plane,
      owner,
      about,
      async sees(note, ...states) {
        let seen = "none";
        return until(
          async () => {
            const requests = await about(note);
            seen = requests.map(({ state }) => state).join(", ");
            return requests.find(({ state }) => states.includes(state));
          },
          () => `a request about ${note} that is ${states.join(" or ")} was expected, and there was: ${seen}`,
        );
      },
      runsOf: (note) => (existsSync(file) ? readFileSync(file, "utf8").split("\n") : []).filter((line) => line === JSON.stringify(note)).length,
      connect(way, era, fetch) {
        const line = way === "stdio before a process" ? gatewayBefore(command, options) : undefined;
        const url = way === "stdio before a process" ? undefined : new URL(urls[way]);
        return era === "2025-11-25" ? connectV1(line, url, fetch) : connectV2(line, url, fetch);
      },
      close: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function connectV1(line: readonly string[] | undefined, url: URL | undefined, fetch: typeof globalThis.fetch | undefined): Promise<NotesClient> {
  const client = new ClientV1(INFO);
  const transport = url === undefined ? new StdioV1({ command: line?.[0] ?? "", args: line?.slice(1) ?? [], stderr: "ignore" }) : new HttpV1(url, fetch === undefined ? {} : { fetch });
  await client.connect(transport);
  await client.listTools();
  return {
    async call(name, note, options) {
      return toldBy(await client.callTool({ name, arguments: { note } }, undefined, requestOptions(options)));
    },
    close: () => client.close(),
  };
}

async function connectV2(line: readonly string[] | undefined, url: URL | undefined, fetch: typeof globalThis.fetch | undefined): Promise<NotesClient> {
  const client = new ClientV2(INFO, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  await client.connect(url === undefined ? new StdioV2({ command: line?.[0] ?? "", args: line?.slice(1) ?? [], stderr: "ignore" }) : new HttpV2(url, fetch === undefined ? {} : { fetch }));
  await client.listTools();
  return {
    async call(name, note, options) {
      return toldBy(await client.callTool({ name, arguments: { note } }, requestOptions(options)));
    },
    close: () => client.close(),
  };
}

function requestOptions({ signal, timeoutMs, onProgress }: CallOptions = {}): object {
  return { ...(signal === undefined ? {} : { signal }), ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }), ...(onProgress === undefined ? {} : { onprogress: onProgress, resetTimeoutOnProgress: true }) };
}

function toldBy(result: object): Told {
  const { isError = false, content = [] } = result as { isError?: boolean; content?: readonly { readonly text?: string }[] }; // as MCP says
  return { isError, text: content.map(({ text }) => text ?? "").join("\n") };
}
