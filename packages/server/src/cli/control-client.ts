/**
 * How commands speak to a control plane: the one that owns the state directory, with the operator's secret; or any, with a
 * person's token (`--url`, `COUNTERSIGN_URL` and `COUNTERSIGN_TOKEN`). Never opens the database.
 */
import { problem, type Problem } from "@countersign/sdk/wire";
import { readControlFile, readOperatorSecret, type ControlFile } from "../control/installation/control-file.ts";
import { CheckFailure, UsageError } from "./ports.ts";

export interface ControlClient {
  readonly url: string;
  /** Answers the parsed body. Throws CheckFailure with what the control plane says. */
  request(method: "GET" | "POST" | "DELETE" | "PATCH", path: string, body?: object): Promise<unknown>;
  /** The body as it comes. */
  stream(path: string): Promise<ReadableStream<Uint8Array>>;
}

export interface Reach {
  readonly directory: string;
  readonly url?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

const ANSWER_MS = 30_000;

/** Throws UsageError where there is no control plane to speak to. */
export async function reachControl({ directory, url: given, env }: Reach): Promise<ControlClient> {
  const url = given ?? env["COUNTERSIGN_URL"];
  if (url !== undefined && url !== "") {
    const token = env["COUNTERSIGN_TOKEN"];
    if (token === undefined || token === "") throw new UsageError(`Set COUNTERSIGN_TOKEN to a token of yours for ${url}.`);
    return clientOf(url, token);
  }
  const running = await findRunning(directory);
  if (running === undefined) throw new UsageError(`No control plane runs on ${directory}. Start one: countersign up`);
  const secret = readOperatorSecret(directory);
  if (secret === undefined) throw new UsageError(`${directory}: the operator's secret cannot be read by this user.`);
  return clientOf(running.url, secret);
}

/** The control plane that owns the directory now: a file that a crash left behind counts for nothing. */
export async function findRunning(directory: string): Promise<ControlFile | undefined> {
  const file = readControlFile(directory);
  const secret = readOperatorSecret(directory);
  if (file === undefined || secret === undefined) return undefined;
  try {
    const answer = await fetch(new URL("/v1/installation", file.url), { headers: { authorization: `Bearer ${secret}` }, redirect: "error", signal: AbortSignal.timeout(2_000) });
    const body: unknown = await answer.json();
    const id: unknown = body !== null && typeof body === "object" ? Reflect.get(body, "id") : undefined;
    return answer.ok && id === file.instance ? file : undefined;
  } catch {
    return undefined;
  }
}

function clientOf(url: string, token: string): ControlClient {
  const send = async (method: string, path: string, body?: object): Promise<Response> => {
    let answer: Response;
    try {
      answer = await fetch(new URL(path, url), {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: "error",
        signal: AbortSignal.timeout(ANSWER_MS),
      });
    } catch (cause) {
      throw new CheckFailure(`${url} does not answer: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
    if (answer.ok) return answer;
    throw new CheckFailure(sentence(await problemOf(answer), answer.status));
  };
  return {
    url,
    async request(method, path, body) {
      const answer = await send(method, path, body);
      return answer.status === 204 ? undefined : answer.json();
    },
    async stream(path) {
      const { body } = await send("GET", path);
      if (body === null) throw new CheckFailure(`${url}${path} answered nothing`);
      return body;
    },
  };
}

async function problemOf(answer: Response): Promise<Problem | undefined> {
  try {
    return problem.parse(await answer.json());
  } catch {
    return undefined;
  }
}

function sentence(said: Problem | undefined, status: number): string {
  if (said === undefined) return `The control plane answered ${status}.`;
  return `The control plane says: ${said.title}${said.detail === undefined ? "" : `: ${said.detail}`} (${said.code})`;
}
