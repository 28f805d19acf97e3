import { createServer, connect } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { added, allowedKinds, settled } from "./resources.ts";

const NOTHING = new Set<string>();

describe("leftovers", () => {
  it("are what keeps the process alive and was not there before", () => {
    const before = new Map([["Timeout", 1]]);
    const now = new Map([["Timeout", 3], ["TCPServerWrap", 1], ["FSReqCallback", 4]]);
    expect(added(before, now, NOTHING)).toEqual(["2 Timeout", "1 TCPServerWrap"]);
    expect(added(now, before, NOTHING)).toEqual([]);
  });

  it("do not include the connections of a server that tests share", () => {
    const shared = new Map([["TCPServerWrap", 1]]);
    expect(added(shared, new Map([["TCPServerWrap", 1], ["TCPSocketWrap", 2]]), NOTHING)).toEqual([]);
    expect(added(shared, new Map([["TCPServerWrap", 2]]), NOTHING)).toEqual(["1 TCPServerWrap"]);
  });

  it("that a tag allows are left alone, and no others", () => {
    const now = new Map([["Timeout", 1], ["ProcessWrap", 1]]);
    expect(added(new Map(), now, allowedKinds(["leaves-processes"]))).toEqual(["1 Timeout"]);
    expect(added(new Map(), now, allowedKinds(["leaves-timers", "leaves-processes"]))).toEqual([]);
  });

  it("get a moment to go", async () => {
    let looks = 0;
    expect(await settled(() => ((looks += 1) < 3 ? ["1 Timeout"] : []))).toEqual([]);
    expect(await settled(() => ["1 Timeout"])).toEqual(["1 Timeout"]);
  });
});

describe("this very test run", () => {
  it("does not complain about what a test closes, however late", async () => {
    const server = createServer((socket) => socket.on("error", () => undefined).end()).listen(0, "127.0.0.1");
    await once(server, "listening");
    // A listening TCP server's address is an object.
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    await once(socket, "close");
    server.close();
    setTimeout(() => undefined, 200);
    expect(process.getActiveResourcesInfo()).toContain("Timeout");
  });

  it("lets a tagged test leave its timer", { tags: ["leaves-timers"] }, () => {
    const timer = setTimeout(() => undefined, 60_000);
    expect(timer.hasRef()).toBe(true);
  });
});
