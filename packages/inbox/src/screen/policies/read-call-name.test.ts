import { expect, it } from "vitest";
import { readCallName } from "./read-call-name.ts";

it("a permalink or an id names a call, a word that one searches by does not", () => {
  expect(["https://x.example/requests/a_b-1", " 0198c2de-1c4f-7a31-9b0e-6a1c7e0d5f11 ", "k3Jd93ndK20dkqP1"].map(readCallName)).toEqual([
    { requestId: "a_b-1" },
    { callId: "0198c2de-1c4f-7a31-9b0e-6a1c7e0d5f11" },
    { requestId: "k3Jd93ndK20dkqP1" },
  ]);
  for (const word of ["", "write_file", "mcp:filesystem:write_file", "file-manager-agent", "javascript:alert(1)"]) expect(readCallName(word)).toBeUndefined();
});
