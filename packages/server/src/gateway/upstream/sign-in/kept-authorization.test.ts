/** Sign-ins against a real authorization server: made, renewed, shared by gateways, ended. Black box: conformance/gateway/sign-in.test.ts. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { lockStateDirectory } from "../../../control/installation/state-lock.ts";
import { MACHINE, openProtectedServer, type ProtectedServer } from "../../fixture/authorization-server.ts";
import { clientCredentials } from "./client-credentials.ts";
import { keptAuthorization } from "./kept-authorization.ts";
import { directoryOf, fileOf, readSignIn, signedInAddresses, writeSignIn } from "./kept-file.ts";
import { revokeSignIn } from "./revoke-sign-in.ts";
import { signIn, type SignInOptions } from "./sign-in.ts";
import type { Authorization } from "../remote/remote-server.ts";

let at: ProtectedServer;
let directory: string;
let warnings: string[];
beforeAll(async () => {
  at = await openProtectedServer();
});
afterAll(() => at.close());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "countersign-sign-in-"));
  warnings = [];
  at.tokensLive(3_600);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Somebody's browser. Where it does not come back, the sign-in says so; it may have what it waits for before its page has arrived. */
function browse(how: () => Promise<unknown>): void {
  how().catch(() => undefined);
}

async function signInAs(options: Partial<SignInOptions> = {}): Promise<void> {
  const show = (address: string): void => browse(() => at.visit(address).then(fetch));
  writeSignIn(directory, at.url, await signIn(at.url, { client: undefined, issuer: undefined, scope: undefined, port: 0, headers: {}, show, signal: AbortSignal.timeout(9_000), ...options }));
}
const gateway = (): Authorization => keptAuthorization(at.url, { stateDirectory: directory, lock: () => Promise.resolve(lockStateDirectory(directoryOf(directory), 0)), onWarning: (message) => void warnings.push(message), command: "countersign gateway login" });
const call = async (credential: string | undefined, name = "whoami"): Promise<string> => {
  const response = await fetch(at.url, { method: "POST", headers: { "content-type": "application/json", ...(credential === undefined ? {} : { authorization: credential }) }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name } }) });
  return `${response.status} ${await response.text()}`;
};
const kept = () => readSignIn(directory, at.url);

describe("a sign-in", () => {
  it("is by code and PKCE, for this server alone, as a client that was registered for it, and kept for its user alone", async () => {
    let shown = new URL("http://nobody");
    await signInAs({ show: (address) => browse(() => at.visit((shown = new URL(address)).href).then(fetch)) });
    expect(Object.fromEntries(shown.searchParams)).toMatchObject({ response_type: "code", code_challenge_method: "S256", resource: at.url.href, scope: "files:read offline_access", state: expect.stringMatching(/^[\w-]{32}$/), redirect_uri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/callback$/) });
    expect(await call(await gateway().current())).toContain("ada: files:read");
    expect(kept()).toMatchObject({ server: at.url.href, issuer: at.issuer, resource: at.url.href });
    expect(statSync(fileOf(directory, at.url)).mode & 0o777).toBe(0o600);
    expect(statSync(directoryOf(directory)).mode & 0o777).toBe(0o700);
    expect(signedInAddresses(directory).map(({ href }) => href)).toEqual([at.url.href]);
  });

  it("counts only with the state that was sent along", async () => {
    const answers: number[] = [];
    await signInAs({
      show: (address) =>
        browse(async () => {
          const redirect = new URL(address).searchParams.get("redirect_uri") ?? "";
          for (const forged of [`${redirect}?code=stolen`, `${redirect}?code=stolen&state=${"x".repeat(32)}`, redirect.replace("/callback", "/")]) answers.push((await fetch(forged)).status);
          await fetch(await at.visit(address));
        }),
    });
    expect(answers).toEqual([400, 400, 404]);
    expect(await call(await gateway().current())).toMatch(/^200/);
  });

  it("that comes back from somebody else does not count; one that is refused is told", async () => {
    const came = (change: (query: URLSearchParams) => void) => (address: string) =>
      browse(async () => {
        const back = new URL(await at.visit(address));
        change(back.searchParams);
        await fetch(back);
      });
    await expect(signInAs({ show: came((query) => query.set("iss", "https://evil.example")) })).rejects.toThrow("came back from somebody else");
    await expect(signInAs({ show: came((query) => query.delete("iss")) })).rejects.toThrow("came back from somebody else");
    const denied = (query: URLSearchParams): void => {
      query.delete("code");
      query.set("error", "access_denied");
    };
    await expect(signInAs({ show: came(denied) })).rejects.toThrow("did not sign you in: access_denied");
    await expect(signInAs({ show: () => undefined, signal: AbortSignal.timeout(50) })).rejects.toThrow("nobody came back");
    expect(kept()).toBeUndefined();
  });

  it("may be as a known client; another authorization server than the one that was named is not accepted", async () => {
    await signInAs({ client: { id: "known", secret: undefined }, issuer: at.issuer });
    expect(kept()?.client).toEqual({ client_id: "known" });
    await expect(signInAs({ issuer: "http://127.0.0.1:9" })).rejects.toThrow("does not take sign-ins from http://127.0.0.1:9");
  });

  it("where clients cannot register says what to do", async () => {
    const strict = await openProtectedServer({ registration: false });
    try {
      await expect(signIn(strict.url, { client: undefined, issuer: undefined, scope: undefined, port: 0, headers: {}, show: () => undefined, signal: AbortSignal.timeout(1_000) })).rejects.toThrow(/registers no clients\. Have one registered there.*--client-id/);
    } finally {
      await strict.close();
    }
  });

  it("with more rights is asked for by name, and has them", async () => {
    await signInAs();
    expect(await call(await gateway().current(), "write")).toMatch(/^403/);
    await signInAs({ scope: "files:write" });
    expect(await call(await gateway().current(), "write")).toMatch(/^200/);
  });
});

describe("a gateway", () => {
  it("without a sign-in names the command that makes one", async () => {
    const none = gateway();
    expect([await none.current(), await none.renew(undefined), none.advice("a b")]).toEqual([undefined, false, `Sign in with: countersign gateway login ${at.url.href} --scope "a b"`]);
  });

  it("renews a sign-in before it ends, and one that is not taken any more; the rest of its calls find the new one", async () => {
    at.tokensLive(20);
    await signInAs();
    const first = kept()?.tokens.accessToken;
    at.tokensLive(3_600);
    const one = gateway();
    const values = await Promise.all([one.current(), one.current(), one.current()]);
    expect(new Set(values).size).toBe(1);
    expect(kept()?.tokens.accessToken).not.toBe(first);
    expect(at.grants.filter((grant) => grant === "refresh_token")).toHaveLength(1);
    at.refuseTokens();
    await call(values[0]);
    at.refuseTokens();
    expect(await one.renew(values[0])).toBe(true);
    expect(await call(await one.current())).toMatch(/^200/);
  });

  it("and others at once do not break each other's renewal, where a refresh token that is used twice ends the sign-in", async () => {
    await signInAs();
    for (let round = 0; round < 3; round += 1) {
      const old = await gateway().current();
      const before = at.grants.length;
      const others = Array.from({ length: 6 }, gateway);
      expect(await Promise.all(others.map((one) => one.renew(old)))).toEqual(others.map(() => true));
      const values = await Promise.all(others.map((one) => one.current()));
      expect([new Set(values).size, values[0] === old, at.grants.length - before]).toEqual([1, false, 1]);
      expect(await call(values[0])).toMatch(/^200/);
    }
    expect(warnings).toEqual([]);
  });

  it("whose sign-in was taken back says so once, and asks no more", async () => {
    await signInAs();
    const old = await gateway().current();
    const signedIn = kept();
    if (signedIn === undefined) throw new Error("nobody is signed in");
    expect(await revokeSignIn(at.url, signedIn)).toBe(true);
    const one = gateway();
    expect([await one.renew(old), await one.renew(old)]).toEqual([false, false]);
    expect(warnings).toEqual([`the sign-in at ${at.url.origin} was not renewed: the authorization server does not take it any more (invalid_grant)`]);
    await signInAs();
    expect(await call(await one.current())).toMatch(/^200/);
  });

  it("takes no sign-in of another server, and none that others can read", async () => {
    await signInAs();
    const path = fileOf(directory, at.url);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replaceAll(`"server": "${at.url.href}"`, '"server": "https://elsewhere.example/mcp"'));
    expect(await gateway().current()).toBeUndefined();
    writeFileSync(path, text.replace(`"issuer": "${at.issuer}"`, '"issuer": "https://elsewhere.example"'));
    expect(await gateway().current()).toBeUndefined();
    writeFileSync(path, "{}");
    expect(await gateway().current()).toBeUndefined();
    writeFileSync(path, text);
    chmodSync(path, 0o644);
    expect(await gateway().current()).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining("this is not what countersign gateway login wrote"), expect.stringContaining("other users of this machine can read the sign-in")]);
    expect(readdirSync(directoryOf(directory)).filter((name) => name.endsWith(".json"))).toHaveLength(1);
  });
});

describe("a machine", () => {
  const machine = (more: Partial<Parameters<typeof clientCredentials>[1]> = {}): Authorization => clientCredentials(at.url, { clientId: MACHINE.id, clientSecret: MACHINE.secret, issuer: at.issuer, scope: "files:write", ...more }, (message) => void warnings.push(message));

  it("is let in with its id and secret, anew where its token ends, and keeps nothing", async () => {
    at.tokensLive(20);
    const one = machine();
    const first = await one.current();
    expect(await call(first, "write")).toContain("machine: files:write");
    at.tokensLive(3_600);
    const second = await one.current();
    expect(second).not.toBe(first);
    expect(await one.current()).toBe(second);
    expect(existsSync(directoryOf(directory))).toBe(false);
  });

  it("with a wrong secret is told to whoever runs it, without the secret; and a server that names another issuer never sees it", async () => {
    expect(await machine({ clientSecret: "wrong 0123456789" }).current()).toBeUndefined();
    const liar = machine({ issuer: "http://127.0.0.1:9" });
    expect([await liar.current(), await liar.renew(undefined)]).toEqual([undefined, false]);
    expect(warnings).toEqual([`no access to ${at.url.origin}: the authorization server says invalid_client`, expect.stringContaining("does not take sign-ins from http://127.0.0.1:9")]);
  });
});
