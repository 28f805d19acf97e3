import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { runStory } from "../testing/run-story.ts";
import { createSandbox, EXAMPLES } from "../testing/story-sandbox.ts";
import { startOnTerminal, terminal } from "../testing/terminal-story.ts";
import type { TerminalStory } from "../testing/terminal-story.ts";

const HEADINGS = [
  "1. The agent reads a file",
  "2. The agent wants to write a file, and waits for you",
  "3. What came of it",
  "4. The trace",
  "5. The record",
  "Next",
];
const ASKED = "Approve this call? (y/n): ";

/** The lines between two headings, without the indent that all of them have. */
function section(output: string, heading: string): string {
  const [, rest = ""] = output.split(`\n${heading}\n`);
  return (rest.split(/\n\n?(?=\d\. |Next\n)/)[0] ?? "").replaceAll(/^ {3}/gm, "");
}

/** What a run leaves: the scratch folder with the file in it, and neither a control plane nor its state. */
async function expectNothingLeft(folder: string, output: string): Promise<void> {
  expect(readdirSync(dirname(folder)).filter((name) => name.startsWith("countersign-control-plane-"))).toEqual([]);
  const url = /Inbox +(http:\/\/[^/\s]+)/.exec(output)?.[1];
  expect(url).toBeDefined();
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
}

interface Detail {
  readonly id: string;
  readonly requestDigest: string;
  readonly state: string;
}

/** What the pages do when somebody opens the printed link and decides: one sign-in by the link, with cookie and CSRF token. */
async function browse(link: string): Promise<{ send(method: string, path: string, body?: object): Promise<{ status: number; body: Record<string, unknown> }> }> {
  const { origin, hash } = new URL(link);
  const post = (path: string, headers: Record<string, string>, body?: object): RequestInit => ({ method: path, headers: { origin, ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const opened = await fetch(`${origin}/v1/sign-in/link`, post("POST", {}, { token: new URLSearchParams(hash.slice(1)).get("link") }));
  const { csrf } = (await opened.json()) as { csrf: string }; // as the API's document says
  const cookie = opened.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  return {
    async send(method, path, body) {
      const answer = await fetch(`${origin}${path}`, post(method, { cookie, "x-csrf-token": csrf }, body));
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }; // as above
    },
  };
}

async function endByCtrlC(story: TerminalStory): Promise<Awaited<ReturnType<TerminalStory["end"]>>> {
  await story.see("Ctrl-C ends it.");
  story.press("C-c");
  return story.end();
}

describe("npm start", { timeout: 30_000 }, () => {
  it("without a terminal says what it would ask, gives up by itself, prints no link, and leaves nothing running", async () => {
    const { code, output, errors, folder } = await runStory("start", { cwd: "/" });
    expect([code, errors]).toEqual([0, ""]);
    expect(output.match(/^(?:\d\. .*|Next)$/gm)).toEqual(HEADINGS);
    expect(section(output, HEADINGS[0] ?? "")).toBe("read_text_file ran: Hello from the scratch folder.");
    expect(section(output, HEADINGS[1] ?? "")).toBe("There is no terminal to ask at. The agent gives up after 3 s, and silence is a no.");
    expect(section(output, HEADINGS[2] ?? "")).toMatch(/^write_file did not run: .+\n.+report\.md is not there\.$/);
    expect(existsSync(`${folder}/report.md`)).toBe(false);
    expect(output).not.toMatch(/csl_|csk_|cst_|#link=/);
    expect(section(output, HEADINGS[4] ?? "")).toMatch(/request_created[^]*approval denied[^]*cancelled[^]*audit verify: \d+ rows, each following/);
    await expectNothingLeft(folder, output);
  });

  it("killed in the middle it leaves no control plane running, and nothing of it on disk", async () => {
    const { env, directory } = createSandbox();
    const child = spawn(process.execPath, [join(EXAMPLES, "start", "main.ts")], { cwd: EXAMPLES, env: { ...env }, stdio: ["ignore", "pipe", "ignore"], detached: true });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
    const seen = async <T>(probe: () => T | undefined | Promise<T | undefined>): Promise<T> => {
      for (const end = performance.now() + 9_000; performance.now() < end; await sleep(40)) {
        const found = await probe();
        if (found !== undefined) return found;
      }
      throw new Error(`it did not come: ${output}`);
    };
    const url = await seen(() => (output.includes("There is no terminal to ask at") ? /Inbox +(http:\/\/[^/\s]+)/.exec(output)?.[1] : undefined));
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
    await seen(() => fetch(`${url}/healthz`).then(() => undefined, () => true));
    await seen(() => (readdirSync(join(directory, "tmp")).some((name) => name.startsWith("countersign-control-plane-")) ? undefined : true));
  });

  it("at a terminal shows the whole call, writes on y, and tells who approved and how it is recorded", async ({ skip }) => {
    skip(terminal.path === undefined, terminal.missing);
    const story = startOnTerminal("start");
    const shown = await story.see(ASKED);
    expect(shown).toMatch(/Inbox +http:\/\/localhost:\d+\/sign-in#link=csl_/);
    expect(shown).toContain('Tool: "write_file"\nServer: "filesystem"\n');
    expect(shown).toContain('|   "content": "# Report\\n\\n\n:     | All is well.\\n",');
    await story.answer("y");
    const { code, output, folder } = await endByCtrlC(story);
    expect(code).toBe(0);
    expect(section(output, HEADINGS[2] ?? "")).toContain(`write_file ran: Successfully wrote to ${folder}/report.md`);
    expect(readFileSync(`${folder}/report.md`, "utf8")).toBe("# Report\n\nAll is well.\n");
    expect(section(output, HEADINGS[3] ?? "")).toMatch(/tools\/call write_file[^]*approval_status +approved[^]*approval_channel +terminal/);
    expect(section(output, HEADINGS[3] ?? "")).not.toContain("All is well");
    expect(section(output, HEADINGS[4] ?? "")).toMatch(/vote_cast[^]*approval approved by person:\S+ through terminal[^]*intent[^]*outcome completed[^]*each following/);
    await expectNothingLeft(folder, output);
  });

  it("at a terminal writes nothing on n", async ({ skip }) => {
    skip(terminal.path === undefined, terminal.missing);
    const story = startOnTerminal("start");
    await story.see(ASKED);
    await story.answer("n");
    const { output, folder } = await endByCtrlC(story);
    expect(section(output, HEADINGS[2] ?? "")).toContain("write_file did not run: ");
    expect(existsSync(`${folder}/report.md`)).toBe(false);
    expect(section(output, HEADINGS[4] ?? "")).toMatch(/approval denied by person:\S+ through terminal/);
  });

  it.each(["approve", "deny"] as const)("the printed link signs the owner in once; %s there ends the question here", async (choice) => {
    if (terminal.path === undefined) return;
    const story = startOnTerminal("start");
    const shown = await story.see(ASKED);
    const link = /http:\/\/\S+#link=\S+/.exec(shown)?.[0] ?? "";
    const page = await browse(link);
    const { body: list } = await page.send("GET", "/v1/approvals?state=pending");
    const [waiting] = list["requests"] as readonly Detail[]; // as the API's document says
    if (waiting === undefined) throw new Error("nothing waits");
    const { status } = await page.send("POST", `/v1/approvals/${waiting.id}/vote`, { choice, requestDigest: waiting.requestDigest, viewedDigest: null, reason: "", grant: null });
    expect(status).toBe(200);
    const { output, folder } = await endByCtrlC(story);
    expect(existsSync(`${folder}/report.md`)).toBe(choice === "approve");
    expect(section(output, HEADINGS[4] ?? "")).toMatch(new RegExp(`approval ${choice === "approve" ? "approved" : "denied"} by person:\\S+ through inbox`));
    await expect(browse(link)).rejects.toThrow();
  });

  it("Ctrl-C at the question ends everything: nothing is written and nothing runs on", async ({ skip }) => {
    skip(terminal.path === undefined, terminal.missing);
    const story = startOnTerminal("start");
    await story.see(ASKED);
    await sleep(400);
    story.press("C-c");
    const { output, folder } = await story.end();
    expect(output).toContain("Ended. Nothing runs any more.");
    expect(existsSync(`${realpathSync(folder)}/report.md`)).toBe(false);
    await expectNothingLeft(folder, output);
  });
});
