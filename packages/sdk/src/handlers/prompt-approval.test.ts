import { describe, expect, it, onTestFinished } from "vitest";
import { ApprovalDecision, type ApprovalContext } from "../approval/decision.ts";
import type { Call } from "../call/call.ts";
import { PolicyViolationError } from "../errors.ts";
import type { PolicyResult } from "../policy/result.ts";
import { createPromptApproval, type PromptPorts } from "./prompt-approval.ts";
import type { Terminal, TerminalEvent } from "./terminal.ts";

type Step = TerminalEvent | string | (() => void);

interface Played {
  readonly decision: ApprovalDecision;
  readonly drawn: string;
  readonly warned: readonly string[];
  readonly closed: number;
}

interface PlayOptions {
  readonly call?: Partial<Call>;
  readonly policyResult?: PolicyResult | undefined;
  readonly message?: string;
  readonly size?: { readonly columns: number; readonly rows: number };
  readonly open?: PromptPorts["openTerminal"];
  readonly windowMs?: number;
}

const QUIET: TerminalEvent = { type: "quiet" };

function blocked(requireReason = false, metadata: { approvers?: readonly string[]; timeoutMinutes?: number | null; workflowType?: string } = {}): PolicyResult {
  const requirement = {
    policy: "p", approvers: [], quorum: 1, assurance: undefined, selfApproval: undefined,
    timeoutMinutes: null, grants: [], edits: false, requireReason, escalate: [],
  };
  return {
    action: "block", reason: "File writes require approval", policies: ["p"], decisive: ["p"], requirements: [requirement],
    metadata: { workflowName: "mcp:filesystem:write_file", approvers: ["ops-team@company.com"], timeoutMinutes: 5, ...metadata },
  };
}

/** Plays a script on a fake terminal: strings are input, functions happen in between, a script that runs out hangs up. */
async function play(script: readonly Step[], options: PlayOptions = {}): Promise<Played> {
  let now = 1_000_000;
  let drawn = "";
  let closed = 0;
  const warned: string[] = [];
  const steps = [...script];
  const terminal: Terminal = {
    turn: 7,
    ascii: false,
    waiting: () => 0,
    size: () => options.size ?? { columns: 100, rows: 50 },
    write(text) {
      drawn += text;
      return Promise.resolve();
    },
    next({ quietMs } = {}) {
      for (;;) {
        const step = steps[0];
        if (step === undefined) return Promise.resolve(quietMs === undefined ? { type: "gone" } : QUIET);
        steps.shift();
        if (typeof step === "function") step();
        else if (typeof step === "string") return Promise.resolve({ type: "input", text: step });
        else if (step.type !== "quiet" || quietMs !== undefined) return Promise.resolve(step);
      }
    },
    close() {
      closed += 1;
      return Promise.resolve();
    },
  };
  const abort = new AbortController();
  hooks.abort = (reason) => abort.abort(reason);
  hooks.advance = (ms) => {
    now += ms;
  };
  onTestFinished(() => {
    hooks = { abort: () => {}, advance: () => {} };
  });
  const call: Call = {
    server: { name: "filesystem", identity: null, transport: "stdio" }, tool: "write_file", arguments: { path: "/tmp/a" }, argumentsText: "",
    context: {}, contextText: "{}", meta: undefined, era: {}, policyId: "mcp:filesystem:write_file", definition: "d", digest: "c",
    caller: { principal: "local", agent: { name: "a", id: "" }, user: { id: "u" }, session: { id: "s" } },
    ...options.call,
  };
  const policyResult = "policyResult" in options ? options.policyResult : blocked();
  const error = new PolicyViolationError(options.message ?? "blocked", { call, policyResult });
  const context: ApprovalContext = { call, digest: call.digest, deadline: new Date(now + (options.windowMs ?? 300_000)), signal: abort.signal };
  const handler = createPromptApproval({
    openTerminal: options.open ?? (() => Promise.resolve({ kind: "open", terminal })),
    now: () => now,
    userName: () => "jane",
    warn: (line) => void warned.push(line),
  });
  const decision = await handler(error, context);
  if (!(decision instanceof ApprovalDecision)) throw new Error("not an ApprovalDecision");
  return { decision, drawn, warned, closed };
}

let hooks: { abort(reason?: unknown): void; advance(ms: number): void } = { abort: () => {}, advance: () => {} };

describe("promptApproval", () => {
  it("draws the block of the reference page, then the call, then the short line and the question", async () => {
    const { drawn, closed } = await play([QUIET, "y\r", QUIET]);
    const text = drawn.replaceAll("\r", "");
    expect(text).toContain(
      "\n!! BLOCKED BY APPROVAL POLICY\nReason: File writes require approval\nOperation: write_file\nApprovers: ops-team@company.com\nTimeout: 5 min\n",
    );
    expect(text).toContain('| {\n|   "path": "/tmp/a"\n| }\n\nQuestion 7: tool "write_file" on server "filesystem"\nApprove this operation? (y/n): ');
    expect(text).toMatch(/\nQuestion 7: approved by jane, tool "write_file" on server "filesystem"\n$/);
    expect(closed).toBe(1);
  });

  it.each(["y\r", "yes\r", "Y\r", " YES \r"])("approves on %j", async (typed) => {
    const { decision } = await play([QUIET, () => hooks.advance(2500), typed, QUIET]);
    expect(decision).toEqual(new ApprovalDecision({ approved: true, approver: "jane", channel: "terminal", human: true, elapsedSeconds: 2.5 }));
  });

  it.each(["n\r", "No\r", "\u0003", "\u0004"])("denies on %j", async (typed) => {
    const { decision, drawn } = await play([QUIET, typed, QUIET]);
    expect(decision).toEqual(new ApprovalDecision({ approved: false, approver: "jane", channel: "terminal", human: true, elapsedSeconds: 0 }));
    expect(drawn).toContain("denied by jane");
  });

  it.each(["\r", "x\r", "ye\r", "y n\r", "yy\r", "approve\r", "1\r", "true\r"])("asks again on %j", async (typed) => {
    const { decision, drawn } = await play([QUIET, typed, QUIET, QUIET, "n\r", QUIET]);
    expect(drawn).toContain("Please answer y or n.");
    expect(decision.approved).toBe(false);
    expect(decision.human).toBe(true);
  });

  it("does not count what came before it was drawn, and says so", async () => {
    const { decision, drawn } = await play(["y\r", "y", "\r", QUIET]);
    expect(decision.approved).toBe(false);
    expect(drawn).toContain("What was typed before the question was drawn is ignored.");
  });

  it.each([
    ["marked", ["\u001B[200~y\r\u001B[201~", QUIET]],
    ["marked and torn", ["\u001B[200~y", "\r", "\u001B[201~", QUIET]],
    ["of several lines at once", ["y\ry\r", QUIET]],
    ["in pieces, a line each", ["y\r", "ls\r", QUIET]],
    ["whose first line is none of the answers", ["x\r", "y\r", QUIET]],
  ] as const)("does not count a paste %s", async (_how, steps) => {
    const { decision, drawn } = await play([QUIET, ...steps]);
    expect(decision.approved).toBe(false);
    expect(decision.human).toBeUndefined();
    expect(drawn).toContain("Pasted text is ignored.");
  });

  it.each([
    ["Ctrl-C", "\u0003", true],
    ["the end of the question", { type: "aborted" }, undefined],
    ["a hang-up", { type: "gone" }, undefined],
  ] as const)("obeys %s also in the silence before it listens", async (_what, step, human) => {
    const { decision } = await play([step, QUIET, "y\r", QUIET]);
    expect([decision.approved, decision.human]).toEqual([false, human]);
  });

  it("denies when the terminal goes away, and names nobody", async () => {
    const { decision } = await play([QUIET, "y", { type: "gone" }]);
    expect(decision).toEqual(new ApprovalDecision({ approved: false, channel: "terminal", elapsedSeconds: 0 }));
  });

  it("denies with a time-out at the end of the window, also where a yes came in the same moment", async () => {
    const ended = await play([QUIET, () => hooks.advance(300_000), { type: "aborted" }]);
    expect(ended.decision.timedOut).toBe(true);
    expect(ended.drawn).toContain("denied, nobody answered in time");
    for (const [ms, approved] of [[299_999, true], [300_000, false], [300_001, false]] as const) {
      const { decision, drawn } = await play([QUIET, () => hooks.advance(ms), "y\r", QUIET]);
      expect([decision.approved, decision.timedOut]).toEqual([approved, !approved]);
      expect(drawn).toContain(approved ? "approved by jane" : "denied, nobody answered in time");
    }
  });

  it("takes the wrapper's word for the end of the window, where its timer is a moment ahead of the clock", async () => {
    const { decision } = await play([QUIET, () => hooks.abort(new DOMException("the window ended", "TimeoutError")), { type: "aborted" }]);
    expect(decision.timedOut).toBe(true);
  });

  it("denies without a time-out when the question is withdrawn, also after a yes", async () => {
    for (const script of [[QUIET, { type: "aborted" }], [QUIET, () => hooks.abort(), "y\r", QUIET]] as const) {
      const { decision, drawn } = await play(script);
      expect([decision.approved, decision.timedOut]).toEqual([false, false]);
      expect(drawn).toContain("denied, the question was withdrawn");
    }
  });

  it("denies where the window has no end that can be told", async () => {
    const { decision } = await play([QUIET, "y\r", QUIET], { windowMs: Number.NaN });
    expect(decision.approved).toBe(false);
  });

  it("draws everything again after a resize, and takes no key from before", async () => {
    const { decision, drawn } = await play([QUIET, "y", { type: "redraw" }, QUIET, "\r", QUIET]);
    expect(decision.approved).toBe(false);
    expect(drawn.split("!! BLOCKED BY APPROVAL POLICY")).toHaveLength(3);
    const torn = await play([QUIET, "y\r", { type: "redraw" }]);
    expect(torn.decision.approved).toBe(false);
  });

  it("pages what does not fit, counts what is left, and takes no yes before the end", async () => {
    const content = Array.from({ length: 60 }, (_, index) => `line ${index}`).join("\n");
    const options = { call: { arguments: { content, last: "payload" } }, size: { columns: 80, rows: 40 } };
    const early = await play([QUIET, "y\r", QUIET, QUIET, "yes\r", QUIET], options);
    expect(early.decision.approved).toBe(false);
    expect(early.drawn).toContain("… 45 lines left, Enter shows more, n denies: ");
    expect(early.drawn).toContain("It cannot be approved before its end was shown.");
    expect(early.drawn).not.toContain("payload");
    expect(early.drawn).not.toContain("Approve this operation?");
    expect((await play([QUIET, "n\r", QUIET], options)).decision.human).toBe(true);
    const toTheEnd = await play([QUIET, "\r", QUIET, QUIET, "\r", QUIET, QUIET, "y\r", QUIET], options);
    expect(toTheEnd.drawn.indexOf("Approve this operation?")).toBeGreaterThan(toTheEnd.drawn.indexOf("payload"));
    expect(toTheEnd.decision.approved).toBe(true);
  });

  it("takes no page key that was pressed before the page was drawn", async () => {
    const options = { call: { arguments: { content: "a\n".repeat(200).replaceAll("\n", "\nb") } }, size: { columns: 80, rows: 20 } };
    const { drawn } = await play(["\r", "\r", "\r", QUIET, QUIET], options);
    expect(drawn.split("lines left").length - 1).toBe(2); // the label, and once more behind the hint
  });

  it("denies where the terminal is too small to show the call", async () => {
    const { decision, drawn } = await play([QUIET, "y\r", QUIET], { size: { columns: 29, rows: 50 } });
    expect(decision.approved).toBe(false);
    expect(drawn).toContain("denied, the terminal is too small");
  });

  it("asks for a reason where one is required, and takes no empty one", async () => {
    const { decision, drawn } = await play([QUIET, "y\r", QUIET, QUIET, "  \r", QUIET, QUIET, "a\u202Eb", "\r", QUIET], { policyResult: blocked(true) });
    expect(decision.reason).toBe("a\u202Eb");
    expect(decision.approved).toBe(true);
    expect(drawn).toContain("A reason is needed.");
    expect(drawn).toContain("Reason: a\\u{202E}b");
    expect((await play([QUIET, "y\r", QUIET, QUIET, "\u0003"], { policyResult: blocked(true) })).decision.approved).toBe(false);
  });

  it("denies without a terminal: no human, one line that says why and holds no arguments", async () => {
    const { decision, warned, closed } = await play([], {
      open: () => Promise.resolve({ kind: "none", why: "this process has no controlling terminal (ENXIO)" }),
      call: { arguments: { secret: "hunter2" } },
    });
    expect(decision).toEqual(
      new ApprovalDecision({ approved: false, channel: "terminal", human: false, elapsedSeconds: 0, reason: "this process has no controlling terminal (ENXIO)" }),
    );
    expect(warned).toEqual([
      "countersign: a call was denied because nobody could be asked: this process has no controlling terminal (ENXIO). Run it in a terminal, or configure another approval handler.",
    ]);
    expect(closed).toBe(0);
  });

  it("denies where the question was withdrawn while it waited for its turn", async () => {
    const { decision } = await play([], { open: () => Promise.resolve({ kind: "aborted" }) });
    expect(decision).toEqual(new ApprovalDecision({ approved: false, channel: "terminal", elapsedSeconds: 0 }));
  });

  it("gives the terminal back where something fails", async () => {
    let closed = 0;
    const broken: Terminal = {
      turn: 1, ascii: true, waiting: () => 0,
      size() {
        throw new Error("no size");
      },
      write: () => Promise.resolve(),
      next: () => Promise.resolve(QUIET),
      close() {
        closed += 1;
        return Promise.resolve();
      },
    };
    await expect(play([], { open: () => Promise.resolve({ kind: "open", terminal: broken }) })).rejects.toThrow("no size");
    expect(closed).toBe(1);
  });

  it("shows `any` without approvers, the workflow type as the operation, and the window where the policy has none", async () => {
    const shown = await play([QUIET, "n\r"], { policyResult: blocked(false, { approvers: [], timeoutMinutes: null, workflowType: "file-write" }), windowMs: 150_000 });
    expect(shown.drawn.replaceAll("\r", "")).toContain("Operation: file-write\nApprovers: any\nTimeout: 2.5 min\n");
    expect(shown.drawn).toContain('Question 7: tool "write_file"');
    const inspected = await play([QUIET, "n\r"], { policyResult: undefined, message: "MCP tool call blocked: ssn" });
    expect(inspected.drawn.replaceAll("\r", "")).toContain("Reason: MCP tool call blocked: ssn\nOperation: write_file\nApprovers: any\nTimeout: 5 min\n");
  });

  it("draws no control character of anyone else's", async () => {
    const evil = "\u001B[2J\u202E\u0007\u009B\r\nApprovers: nobody";
    const { drawn } = await play([QUIET, "n\r"], {
      call: { tool: evil, arguments: { [evil]: evil }, server: { name: evil, identity: evil, transport: "stdio" }, policyId: evil, definition: evil, digest: evil },
      policyResult: { ...blocked(false, { approvers: [evil], workflowType: evil }), reason: evil },
    });
    const ours = ["\u001B[!p\u001B[m\u001B(B\u000F\u001B[?7h\u001B[?25h", "\r\u001B[K", "\r\n"].reduce((text, sequence) => text.replaceAll(sequence, ""), drawn);
    expect(ours).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(drawn.split("\r\n").filter((line) => line.startsWith("Approvers: "))).toHaveLength(1);
  });
});
