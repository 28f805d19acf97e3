import { describe, expect, it } from "vitest";
import type { ClientId } from "./client-files.ts";
import { CLIENT_KINDS } from "./client-kinds.ts";
import type { LocalServer, Server } from "./client-config.ts";
import { describeChange } from "./describe-change.ts";
import { openConfig, planInstall, planUninstall, wordsOf, type ConfigText } from "./plan-change.ts";

const LAUNCHER = ["/usr/bin/node", "/opt/countersign"] as const;
const TOKEN = "Bearer s3cr3t-token";
const all = (): boolean => true;

function open(text: string, client: ClientId = "cursor"): ConfigText {
  const opened = openConfig(Buffer.from(text), CLIENT_KINDS[client]);
  if (!opened.ok) throw new Error(opened.problem.message);
  return opened.config;
}

function installed(text: string): { readonly text: string; readonly server: LocalServer } {
  const after = planInstall(open(text), CLIENT_KINDS.cursor, LAUNCHER, all).bytes.toString();
  const [server] = open(after).servers;
  if (server?.kind !== "local") throw new Error(`it is ${String(server?.kind)}`);
  return { text: after, server };
}

const entry = (text: string): string => `{ "mcpServers": { "far": ${text} } }`;
const whyOf = (text: string): string | undefined => ((server: Server | undefined) => (server?.kind === "local" ? undefined : server?.why))(open(entry(text)).servers[0]);

describe("a remote server", () => {
  it("becomes a gateway before its address, with its headers in env and in no argument", () => {
    const text = `{\n  "mcpServers": {\n    "far": {\n      "type": "http", // ours\n      "url": "https://far.example/mcp",\n      "headers": { "Authorization": "${TOKEN}", "X-Team": "\${input:team}" },\n      "disabled": false\n    }\n  }\n}\n`;
    const { server, text: after } = installed(text);
    expect(wordsOf(server)).toEqual([...LAUNCHER, "gateway", "--name", "far", "--url", "https://far.example/mcp", "--transport", "http", "--header-env", "Authorization=COUNTERSIGN_HEADER_1", "--header-env", "X-Team=COUNTERSIGN_HEADER_2"]);
    const { mcpServers } = JSON.parse(after) as { mcpServers: { far: { env: Record<string, string>; disabled: boolean } } };
    expect(mcpServers.far.env).toMatchObject({ COUNTERSIGN_HEADER_1: TOKEN, COUNTERSIGN_HEADER_2: "${input:team}" });
    expect(mcpServers.far.disabled).toBe(false);
    expect(wordsOf(server).join(" ")).not.toContain("s3cr3t");
    expect(after.split("\n").map((line) => /^ */.exec(line)?.[0].length)).toEqual([0, 2, 4, 6, 6, 6, 6, 4, 2, 0, 0]);
  });

  it("keeps an address out of the arguments where a secret may be in it", () => {
    for (const url of ["https://far.example/mcp?key=s3cr3t", "https://far.example/${input:key}/mcp", "https://u:s3cr3t@far.example/mcp"]) {
      const { server, text } = installed(entry(JSON.stringify({ url })));
      expect(wordsOf(server).slice(-2)).toEqual(["--url-env", "COUNTERSIGN_SERVER_URL"]);
      expect(JSON.parse(text)).toMatchObject({ mcpServers: { far: { env: { COUNTERSIGN_SERVER_URL: url } } } });
    }
  });

  it("comes back to the byte, whatever its entry looked like", () => {
    for (const text of [
      entry('{"url":"https://x"}'),
      entry('{\n// why\n"headers" : {"A":"\\u0062"} ,/* x */ "url":"https:\\/\\/x", }').replace("} }", "} }"),
      entry('{ "type": "sse", "url": "https://x", "timeout": 5, "alwaysAllow": ["a"] }'),
      `{\r\n\t"mcpServers": {\r\n\t\t"far": {\r\n\t\t\t"url": "https://x"\r\n\t\t}\r\n\t}\r\n}\r\n`,
    ]) {
      const { text: after } = installed(text);
      expect(after).not.toBe(text);
      expect(planUninstall(open(after), CLIENT_KINDS.cursor, all).bytes.toString()).toBe(text);
      expect(planInstall(open(after), CLIENT_KINDS.cursor, LAUNCHER, all).changes).toEqual([]);
    }
  });

  it("comes back where its client has written the file anew, in its own layout, and keeps what else that has changed", () => {
    const text = entry('{ "url": "https://x", /* mine */ "headers": { "A": "b" }, "timeout": 5.0 }');
    const { text: after } = installed(text);
    const anew = JSON.stringify({ numStartups: 7, ...(JSON.parse(after) as object) }, null, 2);
    const back = planUninstall(open(anew, "claude-code"), CLIENT_KINDS["claude-code"], all);
    expect(back.changes).toHaveLength(1);
    expect(back.bytes.toString()).toContain('"far": { "url": "https://x", /* mine */ "headers": { "A": "b" }, "timeout": 5.0 }');
    expect(back.bytes.toString()).toContain('"numStartups": 7');
    const commented = after.replace('"args"', '/* a note */ "args"');
    expect(planUninstall(open(commented), CLIENT_KINDS.cursor, all).bytes.toString()).toBe(commented);
  });

  it("is left alone by uninstall where somebody has changed the entry since", () => {
    const { text } = installed(entry('{ "url": "https://x", "disabled": true }'));
    for (const changed of [text.replace('"https://x"', '"https://y"'), text.replace("true", "false"), text.replace("COUNTERSIGN_ENTRY\": \"", "COUNTERSIGN_ENTRY\": \"e30")]) {
      expect(planUninstall(open(changed), CLIENT_KINDS.cursor, all).bytes.toString()).toBe(changed);
    }
  });

  it("is left as it is where a gateway could not do what its client does", () => {
    expect(whyOf('{ "url": "https://x", "oauth": {} }')).toContain("countersign gateway login");
    expect(whyOf('{ "url": "https://x", "headersHelper": "make" }')).toContain("a program makes its headers");
    expect(whyOf('{ "url": "https://x", "type": "ws" }')).toContain("no transport");
    expect(whyOf('{ "url": "https://x", "headers": { "Mcp-Session-Id": "1" } }')).toContain("sets itself");
    expect(whyOf('{ "url": "https://x", "headers": { "A": 1 } }')).toContain("no texts");
    expect(whyOf('{ "url": "https://x", "env": {} }')).toContain("env");
    expect(whyOf('{ "url": 5 }')).toContain("no text");
    expect(whyOf('{ "url": "https://x" }')).toBeUndefined();
  });

  it("is shown without its address, its headers and what is kept of it", () => {
    const config = open(entry(JSON.stringify({ url: "https://far.example/mcp?key=s3cr3t", headers: { Authorization: TOKEN } })));
    const { changes } = planInstall(config, CLIENT_KINDS.cursor, LAUNCHER, all);
    const lines = changes.flatMap((change) => describeChange(change, config.text, { syntax: "json" }));
    expect(lines).toEqual([
      "@@ line 1: far @@",
      '- "url": ... the address, and the headers there are',
      '+ "command": "/usr/bin/node"',
      '+ "args": ["/opt/countersign", "gateway", "--name", "far", "--url-env", "COUNTERSIGN_SERVER_URL", "--header-env", "Authorization=COUNTERSIGN_HEADER_1"]',
      '+ "env": { COUNTERSIGN_SERVER_URL: ***, COUNTERSIGN_HEADER_1: ***, COUNTERSIGN_ENTRY: *** }',
    ]);
  });
});
