/**
 * R22, R25 with the official v2 client in both eras, whose own loop drives the rounds: held calls, a server that asks for more, and whoever sits
 * at the client. The server's own file says what ran.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startControlPlane, type RunningControlPlane } from "../control-plane/running-control-plane.ts";
import { signInOwner } from "../crash/fixture/installation.ts";
import { personAt, type Person } from "../crash/fixture/person.ts";
import { gatewayBefore } from "./real-servers.ts";

const POLICY = `version: 1
default: allow
policies:
  - name: notes
    match: [mcp:asking:note, mcp:asking:held_greet]
    action: block
    reason: Notes need approval
`;
const LOCAL = POLICY.replace("reason: Notes need approval", "reason: Notes need a word\n    approval: { assurance: local }");
const SERVER = fileURLToPath(new URL("asking-server.ts", import.meta.url));

type Form = { readonly message: string };
type FormAnswer = { readonly action: "accept" | "decline" | "cancel"; readonly content?: Record<string, string | boolean> };
interface Connected {
  call(name: string, args?: Record<string, unknown>): Promise<{ readonly isError?: boolean; readonly text: string }>;
  readonly forms: Form[];
  /** How often the tool was called on the wire. */
  readonly sent: () => readonly { readonly requestState?: string }[];
  readonly heard: () => string;
}

let home: string;
let plane: RunningControlPlane;
let owner: Person;
const clients: Client[] = [];
async function stage(policy: string): Promise<void> {
  home = mkdtempSync(join(tmpdir(), "countersign-rounds-"));
  plane = await startControlPlane({ policy });
  const { headers } = await signInOwner(plane.url, plane.directory);
  owner = personAt(() => plane.url, headers);
}
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});
async function leave(): Promise<void> {
  await plane.remove();
  rmSync(home, { recursive: true, force: true });
}

const ran = (): readonly string[] => (existsSync(join(home, "ran")) ? readFileSync(join(home, "ran"), "utf8").split("\n").filter((line) => line !== "") : []);

async function connect(era: "2026-07-28" | "legacy", { hold = 45, answer }: { readonly hold?: number; readonly answer?: (form: Form) => FormAnswer | Promise<FormAnswer> } = {}): Promise<Connected> {
  const [command = "", ...args] = gatewayBefore([process.execPath, SERVER, join(home, "ran")], ["--name", "asking", "--dir", plane.directory, "--hold", String(hold)]);
  const client = new Client({ name: "rounds", version: "1" }, { capabilities: answer === undefined ? {} : { elicitation: { form: {} } }, versionNegotiation: { mode: era === "legacy" ? "legacy" : { pin: era } } });
  const forms: Form[] = [];
  if (answer !== undefined) {
    client.setRequestHandler("elicitation/create", async ({ params }) => {
      forms.push(params);
      return answer(params);
    });
  }
  const transport = new StdioClientTransport({ command, args, stderr: "ignore" });
  const [sent, heard]: [{ readonly requestState?: string }[], string[]] = [[], []];
  const send = transport.send.bind(transport);
  transport.send = async (message, ...rest) => {
    if ("method" in message && message.method === "tools/call") sent.push(message.params as { requestState?: string }); // as the client writes it
    return send(message, ...rest);
  };
  await client.connect(transport);
  const onmessage = transport.onmessage;
  transport.onmessage = (message, ...rest) => {
    heard.push(JSON.stringify(message));
    onmessage?.(message, ...rest);
  };
  clients.push(client);
  return {
    forms,
    sent: () => sent,
    heard: () => heard.join("\n"),
    async call(name, given = {}) {
      const { isError, content } = await client.callTool({ name, arguments: given });
      const [first] = content as readonly { readonly text: string }[]; // the server's and our own answers are text
      return { ...(isError === undefined ? {} : { isError }), text: first?.text ?? "" };
    },
  };
}

describe("a call that waits for people, without a session (official v2 client, pinned to 2026-07-28)", () => {
  beforeAll(() => stage(POLICY));
  afterAll(leave);

  it("runs once when it is approved in a later round; the client's own loop brings it there", async () => {
    const { call, sent } = await connect("2026-07-28", { hold: 0.5 });
    const [answer] = await Promise.all([
      call("note"),
      (async () => {
        const request = await owner.sees("pending");
        while (sent().length < 3) await new Promise((resolve) => setTimeout(resolve, 50));
        expect(ran()).toEqual([]);
        expect(await owner.vote(request)).toBe(200);
      })(),
    ]);
    expect(answer).toEqual({ text: "done: note" });
    expect(ran()).toEqual(["note"]);
    expect(new Set(sent().map(({ requestState }) => requestState)).size).toBe(sent().length);
    await owner.sees("completed");
    expect(await owner.requests()).toHaveLength(1);
  });

  it("that nobody answers is told to call again after seven rounds, inside the client's ten; the same call then joins and runs once", async () => {
    const { call, sent } = await connect("2026-07-28", { hold: 0.2 });
    const before = ran().length;
    const told = await call("note");
    expect(told).toMatchObject({ isError: true, text: expect.stringContaining("call note again with the same arguments") });
    expect(sent()).toHaveLength(8);
    expect(ran()).toHaveLength(before);
    await owner.vote(await owner.sees("pending"));
    expect(await call("note")).toEqual({ text: "done: note" });
    expect(ran()).toHaveLength(before + 1);
  });

  it("that is denied between two rounds is told so in the next", async () => {
    const { call, sent } = await connect("2026-07-28", { hold: 0.5 });
    const before = ran().length;
    const [answer] = await Promise.all([
      call("note", {}),
      (async () => {
        const request = await owner.sees("pending");
        while (sent().length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
        await owner.vote(request, "deny");
      })(),
    ]);
    expect(answer).toMatchObject({ isError: true, text: expect.stringContaining("A person denied it; it did not run.") });
    expect(ran()).toHaveLength(before);
  });

  it("and whose server then asks for more fits into one loop: approved, asked twice, done; one approval, one execution", async () => {
    const { call, forms, sent, heard } = await connect("2026-07-28", { hold: 0.3, answer: ({ message }) => ({ action: "accept", content: { name: message === "Who?" ? "Ann" : "Bob" } }) });
    const [answer] = await Promise.all([
      call("held_greet"),
      (async () => {
        const request = await owner.sees("pending");
        while (sent().length < 4) await new Promise((resolve) => setTimeout(resolve, 20));
        await owner.vote(request);
      })(),
    ]);
    expect(answer).toEqual({ text: "done: held_greet Ann and Bob" });
    expect(forms.map(({ message }) => message)).toEqual(["Who?", "And who else?"]);
    expect(heard()).not.toContain("of-the-server-alone");
    expect(ran().filter((line) => line.startsWith("held_greet"))).toEqual(["held_greet Ann and Bob"]);
    const request = await owner.sees("completed");
    expect((await owner.detail(request.id)).state).toBe("completed");
    const continued = async (): Promise<readonly string[]> => (await owner.exportRecord()).split("\n").filter((line) => line.includes("call_continued"));
    await expect.poll(async () => (await continued()).length, { timeout: 9_000 }).toBe(2);
    expect((await continued()).join("")).not.toContain("Ann");
  });
});

describe("a server that asks for more, of calls that are allowed (official v2 client)", () => {
  beforeAll(() => stage(POLICY));
  afterAll(leave);

  it.each(["2026-07-28", "legacy"] as const)("is answered as without a gateway (%s)", async (era) => {
    const { call, forms, heard } = await connect(era, { answer: ({ message }) => ({ action: "accept", content: { name: message === "Who?" ? "Cid" : "Dan" } }) });
    expect(await call("greet")).toEqual({ text: "done: greet Cid and Dan" });
    expect(forms.map(({ message }) => message)).toEqual(["Who?", "And who else?"]);
    expect(heard()).not.toContain("of-the-server-alone");
    expect(ran().at(-1)).toBe("greet Cid and Dan");
    expect(await owner.requests()).toEqual([]);
  });
});

describe.each(["2026-07-28", "legacy"] as const)("whoever sits at the client, where the policy takes that word (official v2 client, %s)", (era) => {
  beforeAll(() => stage(LOCAL));
  afterAll(leave);

  it("a yes there runs the call, once, and takes the request back as answered locally", async () => {
    const { call, forms } = await connect(era, { answer: () => ({ action: "accept", content: { approve: true } }) });
    expect(await call("note")).toEqual({ text: "done: note" });
    expect(forms).toHaveLength(1);
    expect(forms[0]?.message).toContain('Tool: "note"');
    expect(ran()).toEqual(["note"]);
    const request = await owner.sees("cancelled");
    expect((await owner.detail(request.id)).endReason).toBe("answered locally");
  });

  it("a no there is a no", async () => {
    const { call } = await connect(era, { answer: () => ({ action: "decline" }) });
    const before = ran().length;
    expect(await call("note")).toMatchObject({ isError: true, text: expect.stringContaining("A person denied it") });
    expect(ran()).toHaveLength(before);
    await owner.sees("cancelled");
  });

  it("no answer there leaves it to the people of the control plane", async () => {
    const { call } = await connect(era, { answer: () => ({ action: "cancel" }) });
    const before = ran().length;
    const [answer] = await Promise.all([call("note"), owner.sees("pending").then((request) => owner.vote(request))]);
    expect(answer).toEqual({ text: "done: note" });
    expect(ran()).toHaveLength(before + 1);
    await owner.sees("completed");
  });

  it("people who decide first win, and a yes that comes later runs nothing more", async () => {
    const decided = Promise.withResolvers<void>();
    const { call } = await connect(era, {
      async answer() {
        await decided.promise;
        return { action: "accept", content: { approve: true } };
      },
    });
    const before = ran().length;
    const [answer] = await Promise.all([
      call("note"),
      owner.sees("pending").then(async (request) => {
        await owner.vote(request, "deny");
        setTimeout(() => decided.resolve(), 300);
      }),
    ]);
    expect(answer).toMatchObject({ isError: true, text: expect.stringContaining("A person denied it") });
    expect(ran()).toHaveLength(before);
    await owner.sees("denied");
  });
});
