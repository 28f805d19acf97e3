import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { runStory } from "../testing/run-story.ts";
import { pick } from "../testing/story-sandbox.ts";
import { startReceiver } from "./receiver.ts";
import type { Receiver } from "./receiver.ts";

const newSecret = (): string => `whsec_${randomBytes(32).toString("base64")}`;

const open: Receiver[] = [];
afterEach(async () => {
  for (const receiver of open.splice(0)) await receiver.close();
});

describe("webhookApproval", () => {
  it("runs what the receiver signs, and gives the agent its reason where it does not", async () => {
    const { code, output, errors, folder, rows, record } = await runStory("webhook");
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    expect(output).toBe(`Successfully wrote to ${folder}/notes.txt\nrun-me.sh: approval_denied, only text files may be written\n`);
    expect(readFileSync(`${folder}/notes.txt`, "utf8")).toBe("Hello over HTTP.\n");
    expect(existsSync(`${folder}/run-me.sh`)).toBe(false);
    expect(pick(rows, "approval", "status", "approver", "channel", "reason")).toEqual([
      { status: "approved", approver: "jane@company.com", channel: "webhook", reason: "a text file" },
      { status: "denied", approver: "jane@company.com", channel: "webhook", reason: "only text files may be written" },
    ]);
    expect(record).toMatchObject({ ok: true, files: [{ closed: true }] });
  });

  it("runs nothing where the receiver has another secret", async () => {
    const receiver = await startReceiver({ secret: newSecret() });
    open.push(receiver);
    const { code, output, folder, rows } = await runStory("webhook", { env: { WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: newSecret() } });
    expect(code).toBe(0);
    expect(output).toBe("notes.txt: approval_denied\nrun-me.sh: approval_denied\n");
    expect(existsSync(`${folder}/notes.txt`)).toBe(false);
    expect(pick(rows, "approval", "status", "error").at(0)).toEqual({ status: "denied", error: "the handler threw Error" });
  });

  it("takes a receiver with the same secret in another process", async () => {
    const secret = newSecret();
    const receiver = await startReceiver({ secret });
    open.push(receiver);
    const { output, folder } = await runStory("webhook", { env: { WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: secret } });
    expect(output).toBe(`Successfully wrote to ${folder}/notes.txt\nrun-me.sh: approval_denied, only text files may be written\n`);
  });
});
