import { afterEach, describe, expect, it } from "vitest";
import { scriptedAsk } from "../fixture/scripted-ask.ts";
import { beginSession, BOTH, PATIENT, says, send, textOf, type SessionPeer } from "./fixture/http-peer.ts";
import { BLOCK_WRITES, startHttpStage, type HttpStage, type HttpStageOptions } from "./fixture/http-stage.ts";

let at: HttpStage;
async function open(options: HttpStageOptions = {}): Promise<SessionPeer> {
  at = await startHttpStage(options);
  return beginSession(at.url);
}
afterEach(() => at.close());
const writes = (): readonly string[] => at.witness().filter((line) => line.startsWith("write"));
const starts = (): readonly string[] => at.witness().filter((line) => line.startsWith("start"));

describe("a session", () => {
  it("begins with initialize, has a server of its own, and ends with DELETE, its server too", async () => {
    const one = await open();
    const other = await beginSession(at.url);
    expect(one.id).not.toBe(other.id);
    expect(one.id).toMatch(/^[\w-]{32}$/);
    const pids = starts().map((line) => Number(line.split(" ")[1]));
    expect(pids).toHaveLength(2);
    expect((await one.end()).status).toBe(200);
    const alive = pids.filter((pid) => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    });
    expect(alive).toHaveLength(1);
    expect((await one.ask(1, "ping").ended).status).toBe(404);
    expect((await other.ask(1, "ping").ended).json).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
  });

  it("is its credential's alone: to another it is not there, and without its name there is none", async () => {
    await open();
    const own = await beginSession(at.url, { credential: "ann" });
    for (const credential of ["bob", "local"]) {
      for (const method of ["POST", "GET", "DELETE"]) {
        const { status } = await send(at.url, method, { accept: method === "GET" ? "text/event-stream" : BOTH, authorization: credential, "mcp-session-id": own.id }, method === "POST" ? { jsonrpc: "2.0", id: 1, method: "ping" } : undefined).ended;
        expect([credential, method, status]).toEqual([credential, method, 404]);
      }
    }
    expect((await own.ask(1, "ping").ended).status).toBe(200);
    expect((await send(at.url, "POST", { accept: BOTH }, { jsonrpc: "2.0", id: 1, method: "ping" }).ended).status).toBe(400);
    expect((await own.ask(2, "initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "x", version: "1" } }).ended).status).toBe(400);
  });

  it("that was never agreed on does not stay: a server that cannot be started is answered for", async () => {
    at = await startHttpStage({ command: ["no-such-command-of-anybody"] });
    const { status, json, headers } = await send(at.url, "POST", { accept: BOTH }, { jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "x", version: "1" } } }).ended;
    expect([status, json]).toMatchObject([502, { id: 1, error: { code: -32_000, message: expect.stringContaining("could not be started") } }]);
    expect((await send(at.url, "POST", { accept: BOTH, "mcp-session-id": String(headers["mcp-session-id"]) }, { jsonrpc: "2.0", id: 1, method: "ping" }).ended).status).toBe(404);
  });

  it("ends when nobody used it for long, and makes room for none before it was idle", async () => {
    at = await startHttpStage({ limits: { sessions: 2, sessionsOfCredential: 2, idleMs: 150 }, keepAliveMs: 50 });
    const one = await beginSession(at.url);
    const listening = one.listen();
    await listening.begun;
    await beginSession(at.url);
    const full = await send(at.url, "POST", { accept: BOTH }, { jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "x", version: "1" } } }).ended;
    expect([full.status, full.headers["retry-after"], full.json]).toMatchObject([503, "60", { error: { message: expect.stringContaining("too many sessions") } }]);
    await expect.poll(async () => (await send(at.url, "POST", { accept: BOTH }, { jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "x", version: "1" } } }).ended).status, PATIENT).toBe(200);
    // Whose stream is open is in use.
    expect((await one.ask(1, "ping").ended).status).toBe(200);
    expect((await listening.begun).comments.length).toBeGreaterThan(0);
    listening.cut();
  });

  it("whose server dies answers what is open, and is not there afterwards", async () => {
    const peer = await open();
    const listening = peer.listen();
    await listening.begun;
    const slow = peer.call(1, "slow", { text: "a", ms: "5000" });
    await expect.poll(() => at.witness(), PATIENT).toContain("slow a");
    const other = peer.ask(2, "tools/call", { name: "die", arguments: {} });
    expect([(await slow.ended).events.at(-1)?.message ?? (await slow.ended).json, (await other.ended).json]).toMatchObject([
      { id: 1, error: { code: -32_000, message: expect.stringContaining("whether the tool ran is not known") } },
      { id: 2, error: { code: -32_000 } },
    ]);
    await listening.ended;
    expect((await peer.ask(3, "ping").ended).status).toBe(404);
  });
});

describe("where a message of the server goes", () => {
  it("an answer that comes soon is JSON, in the server's own bytes; one that takes long is a stream", async () => {
    const peer = await open({ openAfterMs: { session: 100, exchange: 100 } });
    const soon = await peer.call(1, "echo", { text: "é" }).ended;
    expect([soon.isStream, textOf(soon.json), soon.headers["mcp-session-id"]]).toEqual([false, "é", peer.id]);
    const late = await peer.call(2, "slow", { text: "b", ms: "300" }).ended;
    expect([late.isStream, late.events[0]?.retry, late.events.at(-1)?.message]).toMatchObject([true, 1_000, { id: 2, result: { content: [{ text: "b late" }] } }]);
    expect((await peer.ask(3, "tools/list", {}, { accept: "application/json, text/event-stream;q=0.5" }).ended).isStream).toBe(false);
    expect((await peer.ask(4, "tools/list", {}, { accept: "text/event-stream, application/json" }).ended).isStream).toBe(true);
  });

  it("progress goes to the request whose token it is, however many are under way", async () => {
    const peer = await open();
    const calls = ["a", "b", "c"].map((text, index) => peer.call(index, "steps", { text }, { progressToken: `token ${text}` }));
    for (const [index, call] of calls.entries()) {
      const { events } = await call.ended;
      const text = "abc"[index];
      const steps = events.filter(says("notifications/progress")).map(({ message }) => message?.["params"]);
      expect(steps).toEqual([1, 2, 3].map((progress) => ({ progressToken: `token ${text}`, progress, total: 3, message: text })));
      expect(textOf(events.at(-1)?.message)).toBe(`${text} went`);
    }
  });

  it("what nobody listens to waits for somebody who does", async () => {
    const peer = await open();
    await peer.call(1, "add", { text: "one", ms: "20" }).ended;
    let id = 2;
    await expect.poll(async () => (await peer.call((id += 1), "one").ended).events.map(({ message }) => message?.["method"] ?? textOf(message)), PATIENT).toEqual(["", "notifications/tools/list_changed", "one is here"]);
    await peer.call("later", "add", { text: "two", ms: "20" }).ended;
    const listening = peer.listen();
    await listening.heard(says("notifications/tools/list_changed"));
    listening.cut();
  });

  it("a change goes to the stream that was opened for such things, and to one alone", async () => {
    const peer = await open();
    const [one, other] = [peer.listen(), peer.listen()];
    await Promise.all([one.begun, other.begun]);
    const added = await peer.call(1, "add", { text: "news" }).ended;
    const heard = await other.heard(says("notifications/tools/list_changed"));
    expect(heard.message).toEqual({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
    expect([...added.events, ...(await one.begun).events, ...(await other.begun).events].filter(says("notifications/tools/list_changed"))).toHaveLength(1);
    one.cut();
    other.cut();
  });

  it("notifications and responses are taken without a word; the id of a request under way is refused", async () => {
    const peer = await open();
    const taken = await peer.post({ jsonrpc: "2.0", id: 99, result: {} }).ended;
    expect([taken.status, taken.text]).toEqual([202, ""]);
    const slow = peer.call(7, "slow", { text: "c" });
    await expect.poll(() => at.witness(), PATIENT).toContain("slow c");
    expect((await peer.ask(7, "ping").ended).json).toMatchObject({ id: 7, error: { code: -32_600 } });
    const { events } = await slow.ended;
    expect(textOf(events.at(-1)?.message)).toBe("c late");
  });

  it("methods that nobody knows pass, and are refused where that is wanted", async () => {
    const peer = await open();
    expect((await peer.ask(1, "vendor/thing").ended).json).toMatchObject({ id: 1, error: { code: -32_601, message: "Method not found" } });
    await at.close();
    const strict = await open({ unknownMethods: "block" });
    expect((await strict.ask(1, "vendor/thing").ended).json).toMatchObject({ id: 1, error: { code: -32_601, message: expect.stringContaining("unknownMethods") } });
    expect((await strict.ask(2, "ping").ended).status).toBe(200);
  });
});

describe("a stream that breaks", () => {
  it("goes on where it broke, and nothing is lost or said twice", async () => {
    const peer = await open();
    const call = peer.call(1, "slow", { text: "d", ms: "600" }, { progressToken: 1 });
    const first = await call.heard(({ id }) => id !== undefined);
    call.cut();
    const back = await peer.listen(first.id).ended;
    expect(back.events.map(({ message }) => message?.["id"])).toEqual([1]);
    expect(textOf(back.events[0]?.message)).toBe("d late");
    const again = await peer.listen(first.id).ended;
    expect(again.events).toEqual(back.events);
    expect((await peer.listen(back.events[0]?.id).ended).status).toBe(204);
    expect((await peer.listen("nothing").ended).status).toBe(400);
    expect(at.witness().filter((line) => line.startsWith("slow"))).toEqual(["slow d"]);
  });

  it("of a listener goes on too", async () => {
    const peer = await open();
    const listening = peer.listen();
    const { id } = await listening.heard(({ id: name }) => name !== undefined);
    await peer.call(1, "add", { text: "one" }).ended;
    await listening.heard(says("notifications/tools/list_changed"));
    listening.cut();
    const back = peer.listen(id);
    await back.heard(says("notifications/tools/list_changed"));
    await peer.call(2, "add", { text: "two" }).ended;
    await expect.poll(async () => (await back.begun).events.filter(says("notifications/tools/list_changed")).length, PATIENT).toBe(2);
    back.cut();
  });

  it("is told so where the answer that it missed was too large to be kept", async () => {
    const peer = await open();
    const call = peer.call(1, "large", { bytes: "5000000" });
    const first = await call.heard(({ id }) => id !== undefined);
    call.cut();
    await expect.poll(async () => (await peer.listen(first.id).ended).events.map(({ message }) => message), PATIENT).toMatchObject([{ id: 1, error: { code: -32_000, message: expect.stringContaining("too large to be kept") } }]);
    const whole = await peer.call(2, "large", { bytes: "5000000" }).ended;
    expect(textOf(whole.events.at(-1)?.message)).toHaveLength(5_000_000);
  });

  it("while people think is no cancellation: a yes runs nothing until its client is back, and then once", async () => {
    const ask = scriptedAsk();
    const peer = await open({ policies: BLOCK_WRITES, ask });
    const call = peer.call(1, "write", { text: "e" });
    const first = await call.heard(({ id }) => id !== undefined);
    call.cut();
    await new Promise((resolve) => setTimeout(resolve, 100));
    ask.decide("approved");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([ask.cancelled, ask.claimed, writes()]).toEqual([[], [], []]);
    const back = await peer.listen(first.id).ended;
    expect(textOf(back.events.at(-1)?.message)).toBe("wrote e");
    expect([ask.claimed, writes()]).toEqual([["r1"], ["write e"]]);
  });

  it("for good leaves the request to the same call sent again", async () => {
    const ask = scriptedAsk();
    const peer = await open({ policies: BLOCK_WRITES, ask, resumeMs: 50 });
    const call = peer.call(1, "write", { text: "f" });
    await call.heard(({ id }) => id !== undefined);
    call.cut();
    await new Promise((resolve) => setTimeout(resolve, 200));
    ask.decide("approved");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([ask.cancelled, ask.claimed, writes()]).toEqual([[], [], []]);
    const again = await peer.call(2, "write", { text: "f" }).ended;
    expect(textOf(again.isStream ? again.events.at(-1)?.message : again.json)).toBe("wrote f");
    expect([ask.claimed, writes()]).toEqual([["r1"], ["write f"]]);
  });
});

describe("a cancellation", () => {
  it("of a held call ends its request and its stream; nothing runs", async () => {
    const ask = scriptedAsk();
    const peer = await open({ policies: BLOCK_WRITES, ask });
    const call = peer.call(1, "write", { text: "g" });
    await call.heard(({ id }) => id !== undefined);
    expect((await peer.post({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } }).ended).status).toBe(202);
    expect((await call.ended).events.filter(({ message }) => message !== undefined)).toEqual([]);
    ask.decide("approved");
    await expect.poll(() => ask.cancelled, PATIENT).toEqual(["r1"]);
    expect([ask.claimed, writes()]).toEqual([[], []]);
  });

  it("of a call that runs reaches the server", async () => {
    const peer = await open();
    const call = peer.call(1, "slow", { text: "h", ms: "5000" });
    await expect.poll(() => at.witness(), PATIENT).toContain("slow h");
    await peer.post({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } }).ended;
    await call.ended;
    await expect.poll(() => at.witness(), PATIENT).toContain("cancelled h");
  });

  it("by the end of the session takes every question back", async () => {
    const ask = scriptedAsk();
    const peer = await open({ policies: BLOCK_WRITES, ask });
    const call = peer.call(1, "write", { text: "i" });
    await call.heard(({ id }) => id !== undefined);
    await peer.end();
    await call.ended;
    expect([ask.cancelled, ask.claimed, writes()]).toEqual([["r1"], [], []]);
  });
});

it("a held call opens its stream at once and says between whiles that it lives", async () => {
  const ask = scriptedAsk();
  const peer = await open({ policies: BLOCK_WRITES, ask, keepAliveMs: 40 });
  const call = peer.call(1, "write", { text: "j" }, { progressToken: "t" });
  await call.heard(says("notifications/progress"));
  const { comments } = await call.begun;
  await expect.poll(() => comments.length, PATIENT).toBeGreaterThan(2);
  ask.decide("approved");
  expect(textOf((await call.ended).events.at(-1)?.message)).toBe("wrote j");
});
