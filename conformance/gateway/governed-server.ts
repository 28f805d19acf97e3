/**
 * A control plane, its owner, and the filesystem server behind a gateway that finds the control plane by its state directory alone: as on
 * somebody's own machine. What the server did is looked at in the directory that it serves.
 */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalJson, type JsonObject } from "@countersign/sdk/call";
import { viewText } from "@countersign/sdk/wire";
import { startControlPlane, type RunningControlPlane } from "../control-plane/running-control-plane.ts";
import { signInOwner } from "../crash/fixture/installation.ts";
import { exchange, personAt, type Person, type Request } from "../crash/fixture/person.ts";
import { gatewayBefore, initializeParams, SERVERS } from "./real-servers.ts";
import { startPeer, type StdioPeer } from "./stdio-peer.ts";

export interface GovernedServer {
  readonly plane: RunningControlPlane;
  readonly owner: Person;
  /** The owner writes other arguments; answers the status. */
  edit(request: Request, args: JsonObject): Promise<number>;
  /** What the server serves. */
  readonly root: string;
  readonly command: readonly string[];
  /** A client's process in front of a new gateway; initialized. */
  connect(options?: readonly string[]): Promise<StdioPeer>;
  files(): readonly string[];
  close(): Promise<void>;
}

const SHORT = 0.05;
export const POLICY = `version: 1
default: allow
policies:
  - name: writes
    match: mcp:filesystem:write_file
    action: block
    reason: Writes need approval
  - name: moves
    match: mcp:filesystem:move_file
    action: block
    reason: Moves need approval soon
    approval: { timeoutMinutes: ${SHORT} }
  - name: edits
    match: mcp:filesystem:create_directory
    action: block
    reason: Directories can be changed
    approval: { edits: true }
`;

export async function startGovernedServer(): Promise<GovernedServer> {
  const home = realpathSync(mkdtempSync(join(tmpdir(), "countersign-gateway-")));
  const root = join(home, "root");
  mkdirSync(root);
  const plane = await startControlPlane({ policy: POLICY });
  const command = SERVERS.filesystem(root);
  try {
    const { headers } = await signInOwner(plane.url, plane.directory);
    return {
      plane,
      owner: personAt(() => plane.url, headers),
      async edit({ id, requestDigest }, args) {
        const argumentsText = canonicalJson(args);
        const viewedDigest = createHash("sha256").update(viewText({ requestDigest, argumentsText, contextText: "{}" })).digest("hex");
        const { status } = await exchange(plane.url, "POST", `/v1/approvals/${id}/edit`, { ...headers, origin: plane.url }, { requestDigest, argumentsText, viewedDigest, reason: "" });
        return status;
      },
      root,
      command,
      async connect(options = []) {
        const peer = startPeer(gatewayBefore(command, ["--name", "filesystem", "--agent", "tester", "--dir", plane.directory, ...options]));
        await peer.ask("init", "initialize", initializeParams());
        peer.send({ jsonrpc: "2.0", method: "notifications/initialized" });
        return peer;
      },
      files: () => readdirSync(root).toSorted(),
      async close() {
        await plane.remove();
        rmSync(home, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await plane.remove();
    throw error;
  }
}

/** Whether a process lives: not gone, and no zombie that nobody has collected yet. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Processes whose command line holds the text. */
export function processesWith(text: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return isAlive(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text);
      } catch {
        return false;
      }
    });
}
