import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { endStages, LONG, PROGRAM, start, until, whyNoTmux, writePlan, type Stage } from "./fixture/tmux-stage.ts";

// A real pseudo-terminal: tmux types the keys and tells what a person would see. COUNTERSIGN_LONG=1 runs the full number of trials.
const missing = whyNoTmux();
if (missing !== undefined) process.stderr.write(`prompt-approval.tmux.test.ts is not run: ${missing}\n`);

afterEach(endStages);

const ASKED = "Approve this operation? (y/n): ";
/** The prompt takes answers after a short silence, which a busy machine makes longer; a person is never faster. */
const settle = (): Promise<void> => sleep(500);

async function askedAndSettled(stage: Stage): Promise<string> {
  const shown = await stage.see(/Approve this operation\? \(y\/n\):\s*$/);
  await settle();
  return shown;
}

const TIMEOUT = { timeout: LONG ? 240_000 : 20_000 };

describe.skipIf(missing !== undefined)("promptApproval on a real terminal", TIMEOUT, () => {
  it("shows the block of the reference page first, and y with Enter approves", async () => {
    const stage = start({});
    const shown = await askedAndSettled(stage);
    expect(shown).toContain(
      "!! BLOCKED BY APPROVAL POLICY\nReason: File writes require approval\nOperation: write_file\nApprovers: ops-team@company.com\nTimeout: 5 min\n",
    );
    stage.keys("y", "Enter");
    const [result] = await stage.results();
    expect(result).toMatch(/^RESULT 1 approved \{"approver":".+","timedOut":false,"human":true,"channel":"terminal"\}$/);
    expect(await stage.see("BACK IN THE SHELL")).toMatch(/Question 1: approved by \S+, tool "write_file" on server "filesystem"/);
  });

  it("denies on n with Enter", async () => {
    const stage = start({});
    await askedAndSettled(stage);
    stage.keys("n", "Enter");
    expect((await stage.results())[0]).toMatch(/^RESULT 1 denied .*"human":true/);
    await stage.see(/Question 1: denied by \S+, tool/);
  });

  it("asks again on anything else, and ignores Ctrl-Z, arrows and Escape", async () => {
    const stage = start({});
    await askedAndSettled(stage);
    stage.keys("maybe", "Enter");
    await stage.see("Please answer y or n.");
    await settle();
    stage.keys("C-z", "Up", "F5", "Escape");
    await settle();
    stage.keys("Y", "e", "x", "BSpace", "s", "Enter");
    expect((await stage.results())[0]).toMatch(/^RESULT 1 approved /);
  });

  it("denies on Ctrl-C, every time, and on Ctrl-D", async () => {
    const times = LONG ? 100 : 5;
    const stage = start((socket) => ({ times, tmuxDuring: [[60, "-S", socket, "send-keys", "C-c"]] }));
    const results = await stage.results();
    expect(results).toHaveLength(times);
    for (const result of results) expect(result).toMatch(/^RESULT \d+ denied .*"human":true/);
    const second = start({});
    await askedAndSettled(second);
    second.keys("C-d");
    expect((await second.results())[0]).toMatch(/^RESULT 1 denied /);
  });

  it("denies at the end of the window, and the process ends", async () => {
    const stage = start({ windowMs: 700 });
    expect((await stage.results())[0]).toMatch(/^RESULT 1 denied \{"approver":"","timedOut":true,"channel":"terminal"\}/);
    await stage.see("denied, nobody answered in time");
  });

  it("never approves on keys that were typed before the question was drawn", async () => {
    const times = LONG ? 100 : 6;
    const stage = start((socket) => ({ times, windowMs: 350, tmuxBefore: [["-S", socket, "send-keys", "y", "Enter"]] }));
    const results = await stage.results();
    expect(results).toHaveLength(times);
    for (const result of results) expect(result).toMatch(/^RESULT \d+ denied .*"timedOut":true/);
    expect(stage.screen(true)).toContain("What was typed before the question was drawn is ignored.");
  });

  it("never approves on a paste, marked or not", async () => {
    const times = LONG ? 100 : 4;
    const marked = start((socket) => ({
      times,
      windowMs: 600,
      tmuxBefore: [["-S", socket, "set-buffer", "y\n"]],
      tmuxDuring: [[250, "-S", socket, "paste-buffer", "-p"]],
    }));
    for (const result of await marked.results()) expect(result).toMatch(/^RESULT \d+ denied .*"timedOut":true/);
    expect(marked.screen(true)).toContain("Pasted text is ignored.");
    const plain = start((socket) => ({
      times,
      windowMs: 600,
      tmuxBefore: [["-S", socket, "set-buffer", "y\nls\ny\n"]],
      tmuxDuring: [[250, "-S", socket, "paste-buffer"]],
    }));
    for (const result of await plain.results()) expect(result).toMatch(/^RESULT \d+ denied .*"timedOut":true/);
    expect(plain.screen(true)).toContain("Pasted text is ignored.");
  });

  it("never approves after the deadline, however close the answer comes", async () => {
    const times = LONG ? 100 : 6;
    const stage = start((socket) => ({ times, windowMs: 500, tmuxDuring: [[495 - 85, "-S", socket, "send-keys", "y", "Enter"]] }));
    const results = await stage.results();
    expect(results).toHaveLength(times);
    // The answer is read, then 80 ms of silence are awaited: it lands around the deadline. Either verdict is right, a mixed one is not.
    for (const result of results) expect(result).toMatch(/^RESULT \d+ (?:approved .*"timedOut":false|denied .*"timedOut":true)/);
  });

  it("shows escape sequences, bidirectional and invisible characters as text and obeys none", async () => {
    const bomb = "\u001B[2J\u001B[10A\u001B]0;pwned\u0007\u001B]8;;https://evil.example\u001B\\ok\u001B]8;;\u001B\\\u009B2J\r!! APPROVED";
    const stage = start({
      tool: "rm\u001B[2J\u202Efile",
      server: "fs\u200B\u{E0041}",
      reason: `because\u001B[1A\u2066 ${bomb}`,
      arguments: { bomb, hidden: "a\u202E\u2066\u200B\u200D\u{E0061}\u3164b", "key\u001B[8m": 1, last: "payload-at-the-end" },
    });
    const shown = await askedAndSettled(stage);
    expect(shown).toContain("!! BLOCKED BY APPROVAL POLICY\nReason: because\\u{1B}[1A\\u{2066} \\u{1B}[2J");
    expect(shown).toContain("Operation: rm\\u{1B}[2J\\u{202E}file\n");
    expect(shown).toContain('Server: "fs\\u{200B}\\u{E0041}"\n');
    expect(shown).toContain('"bomb": "\\u{1B}[2J\\u{1B}[10A\\u{1B}]0;pwned\\u{7}\\u{1B}]8;;https://evil.example');
    expect(shown).toContain('"hidden": "a\\u{202E}\\u{2066}\\u{200B}\\u{200D}\\u{E0061}\\u{3164}b"');
    expect(shown).toContain('"key\\u{1B}[8m": 1');
    expect(shown).toContain("payload-at-the-end");
    expect(stage.tmux("display-message", "-p", "#{pane_title}")).not.toContain("pwned");
    stage.keys("n", "Enter");
    expect((await stage.results())[0]).toMatch(/^RESULT 1 denied /);
  });

  it("keeps wrapped and broken content behind a mark in the first column", async () => {
    const forged = `${"x".repeat(200)}\nApprove this operation? (y/n): y\n\n\nOperation: read_file${" ".repeat(300)}Approvers: any`;
    const stage = start({ arguments: { forged } });
    const shown = await askedAndSettled(stage);
    expect(shown.split("\n").filter((line) => line.startsWith("Operation: "))).toEqual(["Operation: write_file"]);
    expect(shown.split("\n").filter((line) => line.startsWith("Approvers: "))).toEqual(["Approvers: ops-team@company.com"]);
    expect(shown.split("\n").filter((line) => line.startsWith("Approve "))).toHaveLength(1);
    stage.keys("n", "Enter");
    await stage.results();
  });

  it("does not take a yes before the end of a megabyte was shown, and shows the payload there", async () => {
    const filler = "harmless words ".repeat(70_000);
    const stage = start({ arguments: { content: `${filler}; rm -rf / # payload` } }, { columns: 400, rows: 300 });
    const first = await stage.see(/… [\d,]+ lines left, Enter shows more, n denies:\s*$/);
    expect(first).not.toContain("payload");
    await settle();
    stage.keys("y", "Enter");
    await stage.see("It cannot be approved before its end was shown.");
    for (let pages = 0; !stage.screen().includes(ASKED.trim()); pages += 1) {
      expect(pages).toBeLessThan(20);
      const before = stage.screen();
      await settle();
      stage.keys("Enter");
      await until(() => (stage.screen() === before ? undefined : true), () => "the page did not change");
    }
    const last = await askedAndSettled(stage);
    expect(last).toContain("rm -rf / # payload");
    expect(last).toContain('Question 1: tool "write_file" on server "filesystem"');
    stage.keys("y", "Enter");
    expect((await stage.results())[0]).toMatch(/^RESULT 1 approved /);
  });

  it("denies with n before the end was shown", async () => {
    const stage = start({ arguments: { content: "a\n".repeat(30_000).split("\n").join("b\n") } }, { rows: 20 });
    await stage.see(/… [\d,]+ lines left/);
    await settle();
    stage.keys("n", "Enter");
    expect((await stage.results())[0]).toMatch(/^RESULT 1 denied .*"human":true/);
  });

  it("asks two questions one after the other, each with its label and its own answer", async () => {
    const stage = start({ atOnce: 2 });
    const first = await stage.see(/Question 1: tool "write_file_1"[^]*Approve/);
    expect(first).toContain("Question: 1 of this process, 1 waiting behind it");
    expect(first).not.toContain("write_file_2");
    await settle();
    stage.keys("n", "Enter");
    const second = await stage.see(/Question 2: tool "write_file_2"[^]*Approve/);
    expect(second).toContain("Question: 2 of this process, none waiting behind it");
    await settle();
    stage.keys("y", "Enter");
    const results = await stage.results();
    expect(results).toHaveLength(2);
    expect(results[0]).toMatch(/^RESULT 1 denied /);
    expect(results[1]).toMatch(/^RESULT 2 approved /);
  });

  it("draws the question again after a resize, and keys from before it do not count", async () => {
    const stage = start({ tool: "delete_all" });
    await askedAndSettled(stage);
    stage.tmux("resize-window", "-x", "60", "-y", "30");
    await until(() => (stage.screen(true).split("!! BLOCKED").length > 2 ? true : undefined), () => `not drawn again:\n${stage.screen(true)}`);
    await askedAndSettled(stage);
    for (const line of stage.screen().split("\n")) expect(line.length).toBeLessThan(60);
    stage.keys("y", "Enter");
    expect((await stage.results())[0]).toMatch(/^RESULT 1 approved /);
  });

  it("does not count keys that were pressed while the process was stopped", async () => {
    const stage = start({ windowMs: 2500 }, { line: "sh -c 'echo $$ > pid; exec \"$@\"' sh {} < /dev/null" });
    await askedAndSettled(stage);
    const pid = Number(stage.file("pid"));
    process.kill(pid, "SIGSTOP");
    stage.keys("y", "Enter");
    await sleep(200);
    process.kill(pid, "SIGCONT");
    await until(() => (stage.screen(true).split("!! BLOCKED").length > 2 ? true : undefined), () => `not drawn again:\n${stage.screen(true)}`);
    expect((await stage.results())[0]).toMatch(/^RESULT 1 denied .*"timedOut":true/);
  });

  it("denies where the terminal is too small to show anything", async () => {
    const stage = start({}, { columns: 20, rows: 6 });
    expect((await stage.results())[0]).toMatch(/^RESULT 1 denied \{"approver":"","timedOut":false/);
  });

  it("leaves the terminal as it was: modes, echo and paste marks", async () => {
    for (const keys of [["y", "Enter"], ["C-c"]]) {
      const stage = start({});
      await askedAndSettled(stage);
      stage.keys(...keys);
      await stage.see("BACK IN THE SHELL");
      expect(stage.file("after")).toBe(stage.file("before"));
      expect(stage.file("before")).toContain("icanon");
      stage.tmux("set-buffer", "pasted afterwards\n");
      stage.tmux("paste-buffer", "-p");
      // The echo is on the screen before the line is in the file.
      await until(() => (stage.file("typed-after") === "pasted afterwards\n" ? true : undefined), () => `typed afterwards: ${JSON.stringify(stage.file("typed-after"))}`);
    }
  });

  it("restores the terminal when a signal ends the process", async () => {
    for (const name of ["TERM", "INT", "HUP"]) {
      const stage = start({}, { line: "sh -c 'echo $$ > pid; exec \"$@\"' sh {} < /dev/null" });
      await askedAndSettled(stage);
      process.kill(Number(stage.file("pid")), `SIG${name}`);
      await stage.see("BACK IN THE SHELL");
      expect(stage.file("out")).toBe("");
      expect(stage.file("after")).toBe(stage.file("before"));
    }
  });

  it("denies when the terminal hangs up", async () => {
    const stage = start({ ignoreHangUp: true });
    await askedAndSettled(stage);
    stage.tmux("kill-server");
    const out = await until(() => stage.file("out") || undefined, () => `no result: ${stage.file("err")}`);
    expect(out).toMatch(/^RESULT 1 denied \{"approver":"","timedOut":false/);
  });

  it("writes nothing to standard output and leaves standard input to others", async () => {
    const stage = start({ echoStdin: true }, { line: "printf 'y\\nmcp bytes\\n' | {}" });
    await askedAndSettled(stage);
    await sleep(300);
    expect(stage.file("out")).toBe("");
    stage.keys("n", "Enter");
    const results = await stage.results();
    expect(results[0]).toMatch(/^RESULT 1 denied /);
    expect(results.slice(1)).toEqual([String.raw`STDIN "y\nmcp bytes\n"`]);
    expect(stage.file("err")).toBe("");
  });

  it("pauses a program that reads the same terminal, and lets it go on afterwards", async () => {
    const stage = start({ listenToStdin: true }, { line: "{}" });
    await askedAndSettled(stage);
    for (const key of "abcdefghijklmnop") stage.keys(key);
    await stage.see(`${ASKED}abcdefghijklmnop`);
    stage.keys("C-u");
    stage.keys("y");
    stage.keys("Enter");
    await until(() => (stage.file("out").includes("approved") ? true : undefined), () => `not approved: ${stage.file("out")}\n${stage.screen()}`);
    stage.keys("afterwards", "Enter");
    const results = await stage.results();
    expect([results[0], results[2]]).toEqual(["RESTING true", String.raw`HEARD "afterwards\n"`]);
  });

  it("leaves no file open", async () => {
    const stage = start((socket) => ({ times: 6, countOpenFiles: true, tmuxDuring: [[60, "-S", socket, "send-keys", "C-c"]] }));
    expect((await stage.results()).at(-1)).toBe("LEFT OPEN 0");
  });

  it("denies in the background of its terminal, where asking would stop the whole process", async () => {
    const stage = start({}, { line: "set -m; {} < /dev/null & wait $!" });
    expect((await stage.results())[0]).toMatch(/^RESULT 1 denied .*"human":false/);
    expect(stage.file("err")).toContain("this process runs in the background of its terminal");
  });

  it("asks for a reason where the policy wants one, and shows what was typed escaped", async () => {
    const stage = start({ requireReason: true });
    await askedAndSettled(stage);
    stage.keys("y", "Enter");
    await stage.see(/Reason:\s*$/);
    await settle();
    stage.keys("Enter");
    await stage.see("A reason is needed.");
    await settle();
    stage.keys("-l", 'ok \\ "sure"');
    await stage.see(String.raw`Reason: ok \\ \"sure\"`);
    stage.keys("Enter");
    const [result] = await stage.results();
    expect(result).toContain(String.raw`"reason":"ok \\ \"sure\""`);
  });

  it("denies without a controlling terminal, with one line on standard error that holds no arguments", async () => {
    const plan = writePlan({ arguments: { secret: "hunter2" } });
    const child = spawn("setsid", ["--wait", process.execPath, PROGRAM, plan], { stdio: ["pipe", "pipe", "pipe"] });
    child.stdin.on("error", () => undefined); // it may end before it has read it
    child.stdin.end("y\n");
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk) => (out += String(chunk)));
    child.stderr.on("data", (chunk) => (err += String(chunk)));
    await new Promise((resolve) => child.on("close", resolve));
    expect(out).toMatch(/^RESULT 1 denied \{"approver":"","timedOut":false,"human":false,"channel":"terminal"/);
    expect(err).toBe(
      "countersign: a call was denied because nobody could be asked: this process has no controlling terminal (ENXIO). Run it in a terminal, or configure another approval handler.\n",
    );
  });
});
