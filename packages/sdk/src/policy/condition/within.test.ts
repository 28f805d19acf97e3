import { describe, expect, it } from "vitest";
import { Fault } from "./fault.ts";
import { within } from "./within.ts";

const TABLE: readonly (readonly [path: string, directory: string, result: boolean | "doubtful"])[] = [
  ["/tmp", "/tmp", true],
  ["/tmp/", "/tmp", true],
  ["/tmp", "/tmp/", true],
  ["/tmp/a", "/tmp", true],
  ["/tmp/a/b/c.txt", "/tmp", true],
  ["/tmp/a/b/c.txt", "/tmp/a/b", true],
  ["/tmp/./a", "/tmp", true],
  ["/tmp//a", "/tmp", true],
  ["/a", "/", true],
  ["/", "/", true],
  ["/tmp/..a", "/tmp", true],
  ["/tmp/a..b", "/tmp", true],
  ["/tmp/.hidden", "/tmp", true],
  ["/tmp/100% sure", "/tmp", true],
  ["/tmp\\a", "/tmp", true],
  ["C:\\Users\\x", "c:/users", false],
  ["C:\\Users\\x", "c:/Users", true],
  ["c:/Users/x", "C:\\Users\\", true],
  ["D:/Users", "C:/Users", false],
  ["\\\\host\\share\\x", "//host/share", true],
  ["//host/other", "//host/share", false],
  ["/tmpx", "/tmp", false],
  ["/tmpx/a", "/tmp", false],
  ["/", "/tmp", false],
  ["/etc/passwd", "/tmp", false],
  ["/TMP/a", "/tmp", false],
  ["/var/tmp", "/tmp", false],
  ["", "/tmp", "doubtful"],
  ["/tmp/a", "", "doubtful"],
  ["tmp/a", "/tmp", "doubtful"],
  ["./tmp", "/tmp", "doubtful"],
  ["~/a", "/tmp", "doubtful"],
  ["file:///tmp/a", "/tmp", "doubtful"],
  ["C:a", "C:/", "doubtful"],
  ["/tmp/a", "tmp", "doubtful"],
  ["/tmp/../etc", "/tmp", "doubtful"],
  ["/tmp/a/..", "/tmp", "doubtful"],
  ["/..", "/tmp", "doubtful"],
  ["/tmp\\..\\etc", "/tmp", "doubtful"],
  ["/tmp/.. /etc", "/tmp", "doubtful"],
  ["/tmp/.../etc", "/tmp", "doubtful"],
  ["/tmp/ /etc", "/tmp", "doubtful"],
  ["/tmp/a", "/tmp/..", "doubtful"],
  ["/tmp/a\0.txt", "/tmp", "doubtful"],
  ["/tmp/%2e%2e/etc", "/tmp", "doubtful"],
  ["/tmp/%2E%2E/etc", "/tmp", "doubtful"],
  ["/tmp/..%2fetc", "/tmp", "doubtful"],
  ["/tmp/a%5c..", "/tmp", "doubtful"],
  ["/tmp/%252e%252e/etc", "/tmp", "doubtful"],
  ["/tmp/%00", "/tmp", "doubtful"],
  ["/tmp/%c0%af", "/tmp", "doubtful"],
  ["/tmp/%u002e", "/tmp", "doubtful"],
  ["/tmp/\uff0e\uff0e/etc", "/tmp", "doubtful"],
  ["/tmp\uff0fa", "/tmp", "doubtful"],
  ["/tmp\uff3ca", "/tmp", "doubtful"],
  ["/tmp/\u2025/etc", "/tmp", "doubtful"],
  ["/tmp/\u2024\u2024/etc", "/tmp", "doubtful"],
  ["/tmp\u2215etc", "/tmp", "doubtful"],
  ["//tmp/a", "/tmp", "doubtful"],
  ["/tmp/a", "//tmp", "doubtful"],
  ["\\\\tmp\\a", "/tmp", "doubtful"],
  ["C:/tmp/a", "/tmp", "doubtful"],
  ["//c/tmp/a", "C:/tmp", "doubtful"],
  ["/tmp/a", "C:/tmp", "doubtful"],
];

describe("within", () => {
  it.each(TABLE)("%j in %j: %s", (path, directory, result) => {
    const answer = within(path, directory);
    expect(answer instanceof Fault ? "doubtful" : answer).toBe(result);
  });

  it("never quotes a path", () => {
    for (const [path, directory, result] of TABLE) {
      if (result !== "doubtful" || path.length < 6) continue;
      const answer = within(path, directory);
      expect(answer instanceof Fault ? answer.message : path).not.toContain(path);
    }
  });
});
