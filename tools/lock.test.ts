import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { withLock } from "./lock.mjs";
import { createTempRepository } from "./temp-repository.ts";

let remove = (): void => undefined;
afterEach(() => remove());

function folder(): string {
  const made = createTempRepository({});
  remove = made.remove;
  return made.root;
}

const noWait = (holder: string): never => {
  throw new Error(`waited for ${holder}`);
};

describe("the set-up lock", () => {
  it("lets one process at a time in, also when all of them find the lock of a dead one", async () => {
    const root = folder();
    const lock = join(root, "lock");
    const log = join(root, "log");
    mkdirSync(lock);
    writeFileSync(join(lock, "pid"), String(await deadPid()));
    const program = `
      import { appendFileSync } from "node:fs";
      import { withLock } from ${JSON.stringify(new URL("lock.mjs", import.meta.url).href)};
      await withLock(${JSON.stringify(lock)}, () => {}, async () => {
        appendFileSync(${JSON.stringify(log)}, "in\\n");
        await new Promise((resolve) => setTimeout(resolve, 50));
        appendFileSync(${JSON.stringify(log)}, "out\\n");
      });`;
    const children = Array.from({ length: 4 }, () => spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "ignore" }));
    const codes = await Promise.all(children.map(async (child) => (await once(child, "close"))[0] as unknown)); // the exit code comes first
    expect(codes).toEqual([0, 0, 0, 0]);
    expect(readFileSync(log, "utf8")).toBe("in\nout\n".repeat(4));
    expect(existsSync(lock)).toBe(false);
  });

  it("is given back when the work fails", async () => {
    const lock = join(folder(), "lock");
    await expect(withLock(lock, noWait, () => Promise.reject(new Error("no disk")))).rejects.toThrow("no disk");
    expect(existsSync(lock)).toBe(false);
    await expect(withLock(lock, noWait, () => Promise.resolve("done"))).resolves.toBe("done");
  });

  it("waits for a living holder and says whom it waits for", async () => {
    const lock = join(folder(), "lock");
    const waitedFor: string[] = [];
    const first = withLock(lock, noWait, () => new Promise((resolve) => setTimeout(resolve, 300)));
    const second = withLock(lock, (holder) => waitedFor.push(holder), () => Promise.resolve("second"));
    expect(await second).toBe("second");
    await first;
    expect(waitedFor).toEqual([String(process.pid)]);
  });

  it("lasts as long as a child that outlives a killed holder", async () => {
    const lock = join(folder(), "lock");
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 700)"], { stdio: "ignore" });
    mkdirSync(lock);
    writeFileSync(join(lock, "pid"), `${await deadPid()}\n${child.pid ?? 0}\n`);
    let ended = false;
    child.on("close", () => (ended = true));
    expect(await withLock(lock, () => undefined, () => Promise.resolve(ended))).toBe(true);
  });

  it("does not believe a lock that is older than any set-up takes", async () => {
    const lock = join(folder(), "lock");
    mkdirSync(lock);
    writeFileSync(join(lock, "pid"), String(process.pid));
    const longAgo = Date.now() / 1000 - 3600;
    utimesSync(lock, longAgo, longAgo);
    await expect(withLock(lock, noWait, () => Promise.resolve("done"))).resolves.toBe("done");
  });
});

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""], { stdio: "ignore" });
  await once(child, "close");
  return child.pid ?? 0;
}
