/**
 * Who a server is, as far as the transport proves it: what was started or which URL was opened. `serverInfo` is a claim
 * and no part of it (attack T-curx: another command behind the same name). Asked once per connection by client.ts.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { identityDigest } from "./digest.ts";

export type ServerLaunch =
  | { readonly kind: "stdio"; readonly command: string; readonly args: readonly string[]; readonly envNames: readonly string[]; readonly cwd?: string | undefined }
  | { readonly kind: "http"; readonly url: string };

/** Identity digest of a server, hex. A file that cannot be read is part of the identity as null. */
export async function serverIdentity(launch: ServerLaunch, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  if (launch.kind === "http") {
    const url = new URL(launch.url);
    // TLS binds the host name; credentials and fragments are no identity. A query may choose the server behind a gateway.
    return identityDigest({ kind: "http", origin: url.origin, path: url.pathname, query: url.search });
  }
  const cwd = launch.cwd ?? process.cwd();
  const command = await resolveCommand(launch.command, cwd, env);
  const script = await scriptOf(launch.args, cwd);
  return identityDigest({
    kind: "stdio",
    command,
    args: launch.args,
    env: launch.envNames.toSorted(),
    started: await fileDigest(command),
    script: script === undefined ? null : await fileDigest(script),
  });
}

/** The file a command name starts, as the operating system would find it. */
async function resolveCommand(command: string, cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  if (command.includes("/") || command.includes(path.sep)) return path.resolve(cwd, command);
  for (const folder of (env["PATH"] ?? "").split(path.delimiter)) {
    const candidate = path.resolve(cwd, folder, command);
    if ((await isFile(candidate)) && (await isExecutable(candidate))) return candidate;
  }
  return command;
}

const SCRIPT = /\.(?:[cm]?[jt]sx?|py|rb|pl|php|lua|sh|jar|wasm)$/i;

/** The script an interpreter was told to run: the first argument that is no option, where it is an existing source file. */
async function scriptOf(args: readonly string[], cwd: string): Promise<string | undefined> {
  const first = args.find((arg) => !arg.startsWith("-"));
  if (first === undefined || !SCRIPT.test(first)) return undefined;
  const candidate = path.resolve(cwd, first);
  return (await isFile(candidate)) ? candidate : undefined;
}

async function isFile(candidate: string): Promise<boolean> {
  const found = await stat(candidate).catch(() => undefined);
  return found?.isFile() === true;
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * Digests of files that were read before, or are being read, by path, inode, size and change time: interpreters are large and do not change,
 * and many calls that come at once wait for one reading.
 */
const digests = new Map<string, Promise<string>>();

async function fileDigest(file: string): Promise<string | null> {
  try {
    const { ino, size, ctimeMs, mtimeMs } = await stat(file);
    const key = JSON.stringify([file, ino, size, ctimeMs, mtimeMs]);
    let digest = digests.get(key);
    if (digest === undefined) {
      digest = readDigest(file);
      digests.set(key, digest);
      digest.catch(() => digests.delete(key));
    }
    return await digest;
  } catch {
    return null;
  }
}

async function readDigest(file: string): Promise<string> {
  const sum = createHash("sha256");
  await pipeline(createReadStream(file), sum);
  return sum.digest("hex");
}
