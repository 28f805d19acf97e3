import { expect, it } from "vitest";
import { fakeCall, fakeViolation } from "../testing/fake-call.ts";
import { createHandlerAsk } from "./ask-handler.ts";

it("the warning about an answer that is none is one line, whatever the tool's name would make a terminal do", async () => {
  const warnings: string[] = [];
  // A user without types returns anything.
  const ask = createHandlerAsk({ handler: () => "yes" as never, defaultTimeoutMs: 1_000, onWarning: (message) => warnings.push(message), now: Date.now });
  const call = fakeCall({ tool: "write_file\n\u001B[2J\u202Eall is well" });
  const about = { callId: "1", policies: [], findings: [], definition: null, traceparent: undefined };
  const request = await ask.join({ ...about, call, reason: "", policyResult: undefined, requirements: [], error: fakeViolation({ call }) });
  expect(await ask.wait(request, { signal: undefined, waitMs: undefined })).toMatchObject({ kind: "denied" });
  expect(warnings).toEqual([expect.stringContaining("mcp:filesystem:write_file\\n\\u{1B}[2J\\u{202E}all is well: the handler returned a string")]);
});
