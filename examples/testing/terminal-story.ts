/** Runs a story in a real terminal: tmux types the keys and tells what a person would see. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { findProgram } from "../../test/needs.ts";
import type { StoryEnd } from "./run-story.ts";
import { createSandbox, EXAMPLES } from "./story-sandbox.ts";

/** `skip(terminal.path === undefined, terminal.missing)` comes first in every test that uses a terminal. */
export const terminal = findProgram("tmux");

export interface TerminalStory {
  /** Waits until `text` stands on the screen or above it. */
  see(text: string | RegExp): Promise<string>;
  /** Types like a person: after a moment, and then Enter. */
  answer(text: string): Promise<void>;
  /** Presses one key by its tmux name, such as C-c. */
  press(key: string): void;
  /** Everything that was on the screen is its output. */
  end(): Promise<Omit<StoryEnd, "errors">>;
}

/** Starts the story on a terminal of 160 columns, with the examples as working directory. */
export function startOnTerminal(story: string, env: Readonly<Record<string, string>> = {}): TerminalStory {
  const sandbox = createSandbox();
  const socket = `countersign-${randomBytes(6).toString("hex")}`;
  const path = (name: string): string => join(sandbox.directory, name);
  const settings = { ...sandbox.env, ...env };
  const exports = Object.entries(settings).map(([name, value]) => `export ${name}=${quote(value)}`);
  const program = [process.execPath, join(EXAMPLES, story, "main.ts")].map(quote).join(" ");
  // The shell outlives a Ctrl-C that ends the story.
  writeFileSync(path("run.sh"), [...exports, "trap : INT", `cd ${quote(EXAMPLES)}`, program, `echo $? > ${quote(path("code"))}`, "exec cat", ""].join("\n"));
  const tmux = (...command: string[]): string => execFileSync("tmux", ["-u", "-L", socket, ...command], { encoding: "utf8", env: settings });
  tmux("-f", "/dev/null", "new-session", "-d", "-x", "160", "-y", "50", `sh ${quote(path("run.sh"))}`);
  onTestFinished(() => void tmux("kill-server"));

  const screen = (): string => tmux("capture-pane", "-p", "-J", "-S", "-");
  return {
    see: (text) =>
      until(() => {
        const shown = screen();
        return (typeof text === "string" ? shown.includes(text) : text.test(shown)) ? shown : undefined;
      }, () => `never saw ${String(text)} in:\n${screen()}`),
    async answer(text) {
      // promptApproval takes no keys that come at once with the question.
      await sleep(400);
      tmux("send-keys", "-l", text);
      tmux("send-keys", "Enter");
    },
    press: (key) => void tmux("send-keys", key),
    async end() {
      const read = (): string | undefined => (existsSync(path("code")) ? readFileSync(path("code"), "utf8").trim() || undefined : undefined);
      const code = await until(read, () => `the story did not end:\n${screen()}`);
      return { code: Number(code), output: screen(), ...(await sandbox.leavings()) };
    },
  };
}

async function until<T>(probe: () => T | undefined, complaint: () => string): Promise<T> {
  const end = performance.now() + 20_000; // a program that starts others, on a machine that is busy
  for (;;) {
    const found = probe();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(complaint());
    await sleep(40);
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
