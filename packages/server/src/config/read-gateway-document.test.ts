import { resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinedServers } from "./gateway-config.ts";
import { GatewayDocumentError, readGatewayDocument } from "./read-gateway-document.ts";

const SECRET = "s3cr3t-value-of-a-variable";
const ENV = { TOKEN: SECRET, EMPTY: "", BAD_URL: `ftp://${SECRET}` };

function problems(text: string, env: NodeJS.ProcessEnv = ENV): readonly string[] {
  try {
    readGatewayDocument(text, "/etc/gw/countersign.yaml", env);
    return [];
  } catch (error) {
    if (!(error instanceof GatewayDocumentError)) throw error;
    return error.message.split("\n").map((line) => line.replace("/etc/gw/countersign.yaml:", ""));
  }
}

const FULL = `
version: 1
gateway:
  listen: "[::1]:9000"
  publicUrl: https://mcp.example.com
  policies: all.policy.yaml
  controlPlane: { url: https://people.example.com, apiKey: "\${env:TOKEN}" }
  clients:
    local: false
    oauth: { issuer: https://login.example.com, audience: [one, two], scopes: [mcp] }
  agent: desktop
  hold: 30s
  drain: 1m
  unknownMethods: block
  allowedHosts: [mcp.internal]
  allowedOrigins: [https://app.example.com]
  limits: { messageBytes: 1000 }
  servers:
    files:
      command: npx
      args: [-y, "@modelcontextprotocol/server-filesystem", .]
      env: { KEY: "\${env:TOKEN}", PLAIN: "$\${env:TOKEN}" }
      cwd: data
      policies: files.policy.yaml
      hold: 5s
    far:
      url: https://far.example.com/mcp?team=1
      transport: sse
      headers: { Authorization: "Bearer \${env:TOKEN}" }
      oauth: { clientId: me, clientSecret: "\${env:TOKEN}", issuer: "https://login.far.example.com", scopes: [read] }
      unknownMethods: pass
`;

describe("a gateway's document", () => {
  it("comes out with its defaults filled in, its paths absolute and its variables in their places", () => {
    const config = readGatewayDocument(FULL, "/etc/gw/countersign.yaml", ENV);
    expect(config).toMatchObject({
      listen: { host: "::1", port: 9000 },
      controlPlane: { url: "https://people.example.com", apiKey: SECRET },
      clients: { local: false, keys: true, oauth: { issuer: "https://login.example.com", audience: ["one", "two"], scopes: ["mcp"] } },
      agent: "desktop",
      drainMs: 60_000,
      allowedHosts: ["mcp.internal"],
      allowedOrigins: ["https://app.example.com"],
      limits: { messageBytes: 1000, connections: 2000, sessions: 200, credentials: 200 },
    });
    expect(config.publicUrl?.host).toBe("mcp.example.com");
    expect(config.servers.get("files")).toEqual({
      name: "files",
      upstream: { kind: "stdio", command: "npx", args: ["-y", "@modelcontextprotocol/server-filesystem", "."], env: { KEY: SECRET, PLAIN: "${env:TOKEN}" }, cwd: resolve("/etc/gw/data") },
      policies: resolve("/etc/gw/files.policy.yaml"),
      holdMs: 5_000,
      unknownMethods: "block",
      join: true,
    });
    expect(config.servers.get("far")).toEqual({
      name: "far",
      upstream: { kind: "http", url: "https://far.example.com/mcp?team=1", transport: "sse", headers: { Authorization: `Bearer ${SECRET}` }, oauth: { clientId: "me", clientSecret: SECRET, issuer: "https://login.far.example.com", scopes: ["read"] } },
      policies: resolve("/etc/gw/all.policy.yaml"),
      holdMs: 30_000,
      unknownMethods: "pass",
      join: true,
    });
  });

  it("may be three lines", () => {
    const config = readGatewayDocument("version: 1\ngateway:\n  servers: { a: { command: server } }\n", "countersign.yaml", {});
    expect(config).toMatchObject({ listen: { host: "127.0.0.1", port: 7434 }, publicUrl: undefined, controlPlane: undefined, clients: { local: true, keys: true, oauth: undefined }, drainMs: 10_000 });
    expect(config.servers.get("a")).toMatchObject({ upstream: { env: {}, cwd: process.cwd() }, policies: undefined, holdMs: 45_000, unknownMethods: "pass" });
  });

  it.each<[string, string, readonly string[]]>([
    ["nothing", "", ["1:1: the document is empty. Write `version: 1` and `gateway:` with `servers:` in it."]],
    ["no YAML", "version: 1\n\tgateway: {}", ["2:1: a tab is used to indent. Use spaces."]],
    ["a slip in a key", "version: 1\ngateway:\n  servres: {}\n", ["3:3: gateway has the unknown key \"servres\". Did you mean servers?", "2:1: gateway.servers is missing. Write `servers:` with a name and a `command` or `url` for each."].toSorted()],
    ["a key in a wrong place", "version: 1\ngateway:\n  args: []\n  servers: { a: { command: x } }\n", ["3:3: gateway has the unknown key \"args\". It belongs in a server of `servers`."]],
    ["a server that is both", "version: 1\ngateway:\n  servers:\n    a:\n      command: x\n      url: https://x.example\n", ["6:7: gateway.servers.a.url stands beside `command`. A server is started or reached: keep one of them."]],
    ["a server that is neither", "version: 1\ngateway:\n  servers:\n    a: {}\n", ["4:5: gateway.servers.a has neither `command` nor `url`. Write the program that starts it, or its address."]],
    ["a header for a program", "version: 1\ngateway:\n  servers:\n    a: { command: x, headers: { A: b } }\n", ["4:22: gateway.servers.a.headers goes with `url` only, not with `command`. Remove it."]],
    ["a header of the transport's", "version: 1\ngateway:\n  servers:\n    a: { url: https://x.example, headers: { Mcp-Session-Id: b } }\n", ["4:45: gateway.servers.a.headers.Mcp-Session-Id is set by the gateway itself. Remove it."]],
    ["a value outside its list", "version: 1\ngateway:\n  unknownMethods: blok\n  servers: { a: { command: x } }\n", ["3:3: gateway.unknownMethods must be pass or block, not \"blok\". Did you mean block?"]],
    ["a duration that is none", "version: 1\ngateway:\n  hold: 5\n  servers: { a: { command: x } }\n", ["3:3: gateway.hold must be text, not 5. Put it in quotes."]],
    ["a name that is no path", "version: 1\ngateway:\n  servers: { a/b: { command: x } }\n", ["3:14: gateway.servers.a/b has a name that cannot stand in a path. Use letters, digits, dots, dashes and underscores, at most 64."]],
    ["names that differ in case", "version: 1\ngateway:\n  servers: { Git: { command: x }, git: { command: y } }\n", ['3:35: gateway.servers.git differs from "Git" in case only. Give it another name: policies and people would mix them up.']],
    ["no port", "version: 1\ngateway:\n  listen: 127.0.0.1\n  servers: { a: { command: x } }\n", ["3:3: gateway.listen is no HOST:PORT such as 127.0.0.1:7434."]],
    ["nobody to decide", "version: 1\ngateway:\n  controlPlane: none\n  servers: { a: { command: x } }\n", ["4:14: gateway.servers.a has no policies, and there is no control plane that has some. Write `policies: FILE` here or under `gateway`."]],
    ["clients unlike any", "version: 1\ngateway:\n  clients: requird\n  servers: { a: { command: x } }\n", ['3:3: gateway.clients must be local, required or a map (local, keys, oauth), not "requird". Did you mean required?']],
    ["a slip in a map of a choice", "version: 1\ngateway:\n  clients: { oauth: { isuer: https://x.example } }\n  servers: { a: { command: x } }\n", ["3:14: gateway.clients.oauth.issuer is missing. Write the address of the authorization server.", '3:23: gateway.clients.oauth has the unknown key "isuer". Did you mean issuer?']],
  ])("with %s is refused at its place, with a mend", (_, text, expected) => {
    expect(problems(text).toSorted()).toEqual(expected.toSorted());
  });
});

describe("a variable", () => {
  const withHeader = (value: string): string => `version: 1\ngateway:\n  servers:\n    a:\n      url: https://x.example\n      headers:\n        Authorization: ${value}\n`;

  it("that is missing or empty is named, with file, line and column", () => {
    expect(problems(withHeader('"Bearer ${env:NOT_THERE}"'))).toEqual(["7:32: gateway.servers.a.headers.Authorization needs the environment variable NOT_THERE, which is not set. Set NOT_THERE for the gateway."]);
    expect(problems(withHeader("Bearer ${env:EMPTY}"))).toEqual(["7:31: gateway.servers.a.headers.Authorization needs the environment variable EMPTY, which is empty. Set EMPTY for the gateway."]);
    expect(problems(withHeader("${env:no-name}"))[0]).toContain("7:24: gateway.servers.a.headers.Authorization has a ${env:…} that names no variable.");
  });

  it("is never quoted, whatever is wrong with what it holds", () => {
    expect(problems("version: 1\ngateway:\n  servers:\n    a: { url: '${env:BAD_URL}' }\n")).toEqual([
      "4:10: gateway.servers.a.url is no address that begins with https:// or http://, without user name, password and fragment, once ${env:…} is filled in.",
    ]);
    // Wherever a text may stand, and whatever must stand there.
    const places = ["version", "gateway", "gateway.listen", "gateway.publicUrl", "gateway.servers", "gateway.servers.a", "gateway.servers.a.url", "gateway.servers.a.transport", "gateway.servers.a.oauth", "gateway.servers.a.headers", "gateway.servers.a.unknownMethods", "gateway.hold", "gateway.clients", "gateway.clients.local", "gateway.clients.oauth", "gateway.clients.oauth.issuer", "gateway.controlPlane", "gateway.controlPlane.url", "gateway.allowedHosts", "gateway.allowedOrigins", "gateway.limits.messageBytes"];
    const value = fc.constantFrom("${env:TOKEN}", "x${env:TOKEN}y", "${env:BAD_URL}", "\u0000${env:TOKEN}");
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom(...places), { minLength: 1, maxLength: 4 }), value, (paths, text) => {
        const document: Record<string, unknown> = { version: 1, gateway: { servers: { a: { url: "https://x.example" } } } };
        for (const path of paths) put(document, path.split("."), text);
        expect(problems(JSON.stringify(document)).join("\n")).not.toContain(SECRET);
      }),
      { numRuns: 500 },
    );
  });

  it("may hold what YAML would read otherwise", () => {
    const read = readGatewayDocument(withHeader('"${env:V}"'), "c.yaml", { V: 'a: "b" # c ${env:TOKEN} {x}' });
    expect(read.servers.get("a")?.upstream).toMatchObject({ headers: { Authorization: 'a: "b" # c ${env:TOKEN} {x}' } });
    expect(problems(withHeader('"${env:V}"'), { V: "a\r\nHost: evil" })).toEqual(["7:9: gateway.servers.a.headers.Authorization has a line break or another control character in it, once ${env:…} is filled in."]);
  });

  it("joins servers, but for those that say otherwise and those whose names could be two", () => {
    const text = (more: string, name = "a__b", own = ""): string => `version: 1\ngateway:\n${more}  servers:\n    ${name}: { command: x${own} }\n    other: { command: x }\n`;
    expect(problems(text(""))).toEqual([expect.stringContaining("gateway.servers.a__b has __ in its name")]);
    expect(problems(text(""))[0]).toContain("Give it another name, or write `join: false` in it: then it is at /a__b/mcp alone.");
    for (const fine of [text("  join: false\n"), text("", "a__b", ", join: false"), text("", "a_b")]) expect(problems(fine)).toEqual([]);
    expect(problems("version: 1\ngateway:\n  servers: { a__b: { command: x } }\n")).toEqual([]);
    const config = readGatewayDocument(text("", "a_b", ", join: false"), "/etc/gw/countersign.yaml", ENV);
    expect([config.join, joinedServers(config).map(({ name }) => name)]).toEqual([true, ["other"]]);
    expect(joinedServers({ ...config, join: false })).toEqual([]);
  });
});

function put(into: Record<string, unknown>, [first = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) return void (into[first] = value);
  const inner = into[first];
  const map = inner !== null && typeof inner === "object" ? (inner as Record<string, unknown>) : {}; // made here, of plain data
  into[first] = map;
  put(map, rest, value);
}
