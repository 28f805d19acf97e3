/** The other end of a process that speaks JSON-RPC on its standard streams, line by line, without any SDK: what it said is there as bytes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { untilFound } from "../../packages/server/src/gateway/fixture/until-found.ts";

export type Message = Readonly<Record<string, unknown>>;

/** Whoever is spoken to by lines. */
export interface LinePeer {
  /** An object, or the very text of a line. */
  send(message: object | string): void;
  /** Asks, and answers the whole line that came under this id. */
  ask(id: string | number, method: string, params?: object): Promise<string>;
  /** The first line that fits, also of those that came before. */
  heard(fits: (message: Message) => boolean, withinMs?: number): Promise<string>;
  /** Everything it said, in order, with line feeds. */
  readonly lines: readonly string[];
  /** Ends its input and answers how it ended. */
  end(): Promise<number | null>;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

export interface StdioPeer extends LinePeer {
  readonly pid: number;
  readonly errors: () => string;
  /** How it ended, once it has. */
  readonly ended: Promise<number | null>;
}

export interface StdioPeerOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Answers what the process asks for. */
  readonly answer?: (request: Message) => object | undefined;
}

export function startPeer(command: readonly string[], { env = {}, answer }: StdioPeerOptions = {}): StdioPeer {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
  const ended = once(child, "close").then(() => child.exitCode);
  const lines: string[] = [];
  const listeners = new Set<() => void>();
  let [rest, errors] = ["", ""];
  child.stdin.on("error", () => undefined);
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (rest + chunk).split(/(?<=\n)/);
    rest = parts.at(-1)?.endsWith("\n") === true ? "" : (parts.pop() ?? "");
    for (const line of parts) {
      lines.push(line);
      const request = read(line);
      const result = typeof request["method"] === "string" && request["id"] !== undefined ? answer?.(request) : undefined;
      if (result !== undefined) send({ jsonrpc: "2.0", id: request["id"], result });
    }
    for (const listener of listeners) listener();
  });

  function send(message: object | string): void {
    child.stdin.write(typeof message === "string" ? `${message}\n` : `${JSON.stringify(message)}\n`);
  }

  const heard = (fits: (message: Message) => boolean, withinMs = 15_000): Promise<string> =>
    untilFound(() => lines.find((line) => fits(read(line))), listeners, () => `not heard; it said:\n${lines.join("")}\n${errors}`, withinMs);

  return {
    pid: child.pid ?? 0,
    send,
    heard,
    async ask(id, method, params) {
      send({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) });
      return heard((message) => message["id"] === id && message["method"] === undefined);
    },
    lines,
    errors: () => errors,
    async end() {
      child.stdin.end();
      return ended;
    },
    async kill(signal = "SIGKILL") {
      child.kill(signal);
      await ended;
    },
    ended,
  };
}

export function read(line: string): Message {
  try {
    return JSON.parse(line) as Message; // JSON-RPC messages are objects
  } catch {
    return {};
  }
}

/** The text of a tool result's first block. */
export function textOf(line: string): string {
  const { result } = read(line) as { result?: { content?: readonly { text?: string }[] } }; // as MCP says
  return result?.content?.[0]?.text ?? "";
}
