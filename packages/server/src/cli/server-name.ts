/** A name for the server in policy ids, from the command that starts it: `npx -y @scope/server-filesystem@1 DIR` → `filesystem`. */
export function serverNameOf(command: readonly string[]): string {
  const [program = "", ...args] = command;
  const runner = /^(?:npx|bunx|uvx|pnpx|node|bun|deno|python3?|docker|npm|pnpm|yarn|uv)(?:\.cmd|\.exe)?$/.test(lastPart(program));
  const words = runner ? args.filter((word) => !word.startsWith("-") && !/^(?:exec|run|dlx|x|--)$/.test(word)) : [program];
  const name = plainName(words[0] ?? program);
  return name === "" ? "server" : name;
}

function plainName(word: string): string {
  const parts = word.replace(/(.)@[^/@]*$/, "$1").split(/[\\/]/).filter((part) => part !== "");
  // A file such as dist/index.js is named after its package.
  while (parts.length > 1 && /^(?:(?:index|main|server|cli)(?:\.[cm]?[jt]s)?|dist|build|src|lib|bin)$/.test(parts.at(-1) ?? "")) parts.pop();
  return (parts.at(-1) ?? "")
    .replace(/\.(?:[cm]?[jt]s|py|exe|cmd)$/, "")
    .replace(/^(?:mcp-server-|server-|mcp-)/, "")
    .replace(/(?:-mcp-server|-mcp|-server)$/, "")
    .replaceAll(/[:*\u0000-\u001f\u007f-\u009f]/g, "-");
}

function lastPart(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}

/** From its address: a path that names it (`https://example.com/github/mcp` → `github`), else its host (`https://mcp.linear.app/sse` → `linear`). */
export function serverNameOfUrl({ hostname, pathname }: Pick<URL, "hostname" | "pathname">): string {
  const named = pathname.split("/").filter((part) => /^[A-Za-z][\w.-]{1,40}$/.test(part) && !/^(?:mcp|sse|api|messages?|server|servers|v\d+|stream|http)$/i.test(part));
  const path = named.length === 1 ? plainName(named[0] ?? "") : "";
  if (path !== "") return path;
  if (/^[\d.]+$|^\[/.test(hostname)) return "server";
  const labels = hostname.split(".").filter((label, at, all) => all.length === 1 || (label !== "" && at < all.length - 1));
  const own = labels.filter((label) => !/^(?:www|mcp|api|app|co|com)$/.test(label));
  const name = plainName(own.at(-1) ?? labels.at(-1) ?? "");
  return name === "" ? "server" : name;
}
