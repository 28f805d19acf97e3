import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { Presented } from "../sign-in/sign-ins.ts";
import type { RecordLine } from "../../store/store.ts";
import type { News, NewsSource } from "./events.ts";
import { CREDENTIALS, recordResources } from "./fixture/recording-resources.ts";
import type { CredentialName } from "./fixture/recording-resources.ts";
import { serveApp } from "./fixture/serve-app.ts";
import type { ServedApp, ServeOptions } from "./fixture/serve-app.ts";
import type { Resources } from "./resources.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A record in memory; what a row tells lies beside it. */
function record(): NewsSource & { add(...news: Omit<News, "seq">[]): void; addRow(...news: Omit<News, "seq">[]): void; rewind(to: number): void; readonly reads: { after: number; limit: number }[]; readonly lookedUp: number[]; fail: boolean; reading: Promise<void> } {
  const rows: RecordLine[] = [];
  const told: News[] = [];
  const listeners = new Set<(rows: readonly RecordLine[]) => void>();
  const reads: { after: number; limit: number }[] = [];
  const lookedUp: number[] = [];
  return {
    installationId: "installation-1",
    reads,
    lookedUp,
    fail: false,
    reading: Promise.resolve(),
    head: () => rows.length,
    now: () => 1000,
    onRows(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async readRows({ after, limit }) {
      reads.push({ after, limit });
      await this.reading;
      return rows.slice(after, after + limit);
    },
    async newsOf(asked) {
      if (this.fail) throw new Error("the store is away");
      lookedUp.push(...asked.map(({ seq }) => seq));
      return asked.flatMap(({ seq }) => told.filter((one) => one.seq === seq));
    },
    add(...news) {
      const added = news.map((one) => {
        const seq = rows.length + 1;
        const row: RecordLine = { seq, at: 0, type: "event", event: one.name === "directory" ? "key_revoked" : "x", callId: null, requestId: one.name === "request" ? `r${seq}` : null, policyId: null, principal: one.forAgents?.principal ?? null, line: "{}" };
        rows.push(row);
        told.push({ ...one, seq });
        return row;
      });
      for (const listener of listeners) listener(added);
    },
    /** One row that tells all of these. */
    addRow(...news) {
      const before = told.length;
      this.add(...news.slice(-1));
      told.splice(before, 0, ...news.slice(0, -1).map((one) => ({ ...one, seq: rows.length })));
    },
    rewind(to) {
      rows.length = to;
      told.splice(0, told.length, ...told.filter(({ seq }) => seq <= to));
    },
  };
}

const forKey = (keyId: string, text: string): Omit<News, "seq"> => ({ name: "request", forAgents: { principal: `key:${keyId}`, data: { text } }, forPeople: { roles: ["approver", "auditor"], data: { people: text } } });

interface Listener {
  readonly socket: Socket;
  text(): string;
  /** Until the text has that, at most 5 s. */
  until(part: string): Promise<string>;
  readonly closed: Promise<void>;
}

function listen(app: ServedApp, who: CredentialName, lastEventId?: string, pausing = false): Listener {
  const headers = Object.entries<string>(CREDENTIALS[who].headers).map(([name, value]) => `${name}: ${value.replace("PORT", String(app.port))}\r\n`);
  const socket = connect(app.port, "127.0.0.1", () => {
    socket.write(`GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${app.port}\r\n${headers.join("")}${lastEventId === undefined ? "" : `Last-Event-ID: ${lastEventId}\r\n`}\r\n`);
    if (pausing) socket.pause();
  });
  let text = "";
  let tail = "";
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => undefined);
  if (!pausing)
    socket.on("data", (chunk) => {
      text += chunk.toString();
      // An answer without end is over when its last chunk says so.
      tail = (tail + chunk.toString()).slice(-7);
      if (tail === "\r\n0\r\n\r\n") socket.end();
    });
  closers.push(async () => {
    socket.destroy();
    await closed;
  });
  return {
    socket,
    text: () => text,
    closed,
    async until(part) {
      for (let waited = 0; !text.includes(part) && waited < 5000; waited += 5) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(text).toContain(part);
      return text;
    },
  };
}

async function serve(source: NewsSource, options: ServeOptions = {}): Promise<ServedApp> {
  const app = await serveApp(recordResources().resources, { ...options, source });
  closers.push(() => app.close());
  return app;
}

/** The recorder's resources are there when asked for; a copy needs them named. */
function withAll(resources: Resources): Resources {
  const { requests, grants, policies, record: rows, throttle, bundle, people, keys, signIns, installation, trials, insights } = resources;
  return { requests, grants, policies, record: rows, throttle, bundle, people, keys, signIns, installation, trials, insights };
}

const idsOf = (text: string): number[] => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));

describe("live events", () => {
  it("a request that nobody here may hear of is not looked up: its caller listens elsewhere", async () => {
    const source = record();
    const app = await serve(source);
    const mine = listen(app, "an agent's key of the owner");
    await mine.until("event: hello");
    source.add(forKey("key2", "for-another"), forKey("key1", "for-one"));
    await mine.until("for-one");
    expect(source.lookedUp).toEqual([2]);
    const person = listen(app, "an approver");
    await person.until("event: hello");
    source.add(forKey("key2", "for-people"));
    await person.until("for-people");
    expect(source.lookedUp).toEqual([2, 3]);
  });

  it("an agent hears of its own key's requests and of policies, and of nothing else", async () => {
    const source = record();
    const app = await serve(source);
    const mine = listen(app, "an agent's key of the owner");
    const other = listen(app, "an agent's key of somebody else");
    await Promise.all([mine.until("event: hello"), other.until("event: hello")]);
    source.add(forKey("key1", "for-one"), forKey("key2", "for-two"));
    source.add({ name: "directory", forAgents: null, forPeople: { roles: null, data: { who: "people-only" } } });
    source.add({ name: "policy", forAgents: { principal: null, data: { version: 3 } }, forPeople: null });
    const heard = await mine.until('"version":3');
    expect(heard).toContain('id: 1\nevent: request\ndata: {"text":"for-one"}\n\n');
    expect(heard).not.toMatch(/for-two|people/);
    expect(await other.until('"version":3')).not.toMatch(/for-one|people/);
  });

  it("people hear what their role may see", async () => {
    const source = record();
    const app = await serve(source);
    const [owner, approver, editor] = [listen(app, "an owner"), listen(app, "an approver"), listen(app, "a policy editor")];
    await Promise.all([owner, approver, editor].map((one) => one.until("event: hello")));
    source.add(forKey("key1", "secret"), { name: "directory", forAgents: null, forPeople: { roles: null, data: { done: true } } });
    for (const one of [owner, approver]) expect(await one.until('"done":true')).toContain('data: {"people":"secret"}');
    expect(await editor.until('"done":true')).not.toContain("secret");
  });

  it("whoever comes back with Last-Event-ID gets what it missed, once and in order, also while more arrives", async () => {
    const source = record();
    const app = await serve(source);
    for (let n = 1; n <= 1234; n += 1) source.add(forKey(n % 2 === 0 ? "key1" : "key2", `t${n}`));
    let release = (): void => undefined;
    source.reading = new Promise((resolve) => (release = resolve));
    const listener = listen(app, "an agent's key of the owner", "100");
    await listener.until("event: hello");
    for (let n = 1235; n <= 1300; n += 1) source.add(forKey("key1", `t${n}`));
    await new Promise((resolve) => setTimeout(resolve, 20));
    release();
    for (let n = 1301; n <= 1310; n += 1) source.add(forKey("key1", `t${n}`));
    const text = await listener.until('"t1310"');
    expect(text).toContain('"resumed":true');
    const expected = Array.from({ length: 1210 }, (_, index) => index + 101).filter((n) => n > 1234 || n % 2 === 0);
    expect(idsOf(text)).toEqual(expected);
    expect(Math.max(...source.reads.map(({ limit }) => limit))).toBeLessThanOrEqual(500);
  });

  it.each([["too long ago", "1"], ["of another record", "999999"], ["no number", "abc"]])("an id that is %s starts afresh, and says so", async (_, id) => {
    const source = record();
    const app = await serve(source, { streams: { replayRows: 50 } });
    for (let n = 1; n <= 100; n += 1) source.add(forKey("key1", `t${n}`));
    const listener = listen(app, "an agent's key of the owner", id);
    const text = await listener.until("event: hello");
    expect(text).toContain('id: 100\nevent: hello\ndata: {"seq":100,"now":1000,"installation":"installation-1","resumed":false}');
    source.add(forKey("key1", "next"));
    expect(idsOf(await listener.until("next"))).toEqual([100, 101]);
    expect(source.reads).toEqual([]);
  });

  it("a row that tells two things tells both, live and to whoever comes back in between", async () => {
    const source = record();
    const app = await serve(source);
    const [live, mine] = [listen(app, "an approver"), listen(app, "an agent's key of the owner")];
    await Promise.all([live.until("event: hello"), mine.until("event: hello")]);
    source.addRow({ name: "grant", forAgents: null, forPeople: { roles: ["approver"], data: { what: "grant" } } }, forKey("key1", "moved"));
    const told = await live.until('"moved"');
    expect([...told.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name)).toEqual(["hello", "grant", "request"]);
    expect(idsOf(told)).toEqual([0, 1]);
    expect(told).toContain('id: 1\nevent: request\n');
    await mine.until('"moved"');
    const back = listen(app, "an approver", "0"); // the id that it had after the first of the two
    const again = await back.until('"moved"');
    expect([...again.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name)).toEqual(["hello", "grant", "request"]);
    expect(idsOf(again)).toEqual([1]);
  });

  it("where the record has another history, as after a restore, streams end: what they heard of means nothing in it", async () => {
    const source = record();
    const app = await serve(source);
    source.add(forKey("key1", "one"), forKey("key1", "two"));
    const listener = listen(app, "an approver");
    await listener.until("event: hello");
    source.rewind(1);
    source.add(forKey("key1", "other"));
    await listener.closed;
  });

  it("a heartbeat keeps it open, and ends it for who may not listen any more", async () => {
    const recorded = recordResources();
    let revoked = false;
    const signIns = { ...recorded.resources.signIns, identify: (presented: Presented) => recorded.resources.signIns.identify(revoked ? { ...presented, cookie: undefined } : presented) };
    const app = await serveApp({ ...withAll(recorded.resources), signIns }, { source: record(), streams: { heartbeatMs: 30 } });
    closers.push(() => app.close());
    const listener = listen(app, "an approver");
    await listener.until("event: hello");
    await listener.until(": \n\n");
    expect(app.hub.size).toBe(1);
    revoked = true;
    await listener.closed;
    expect(app.hub.size).toBe(0);
  });

  it("whoever loses the right to listen hears nothing that comes after, without waiting for a heartbeat", async () => {
    const recorded = recordResources();
    let revoked = false;
    const signIns = { ...recorded.resources.signIns, identify: (presented: Presented) => recorded.resources.signIns.identify(revoked ? { ...presented, authorization: undefined } : presented) };
    const source = record();
    const app = await serveApp({ ...withAll(recorded.resources), signIns }, { source, streams: { heartbeatMs: 60_000 } });
    closers.push(() => app.close());
    const gone = listen(app, "an agent's key of the owner");
    await gone.until("event: hello");
    source.add(forKey("key1", "in time"));
    await gone.until("in time");
    revoked = true;
    source.add({ name: "directory", forAgents: null, forPeople: { roles: null, data: {} } }, forKey("key1", "too late"));
    source.add(forKey("key1", "too late"));
    await gone.closed;
    expect(gone.text()).not.toContain("too late");
  });

  it("a slow reader is dropped, the others hear on, and nothing is kept for it", async () => {
    const source = record();
    const app = await serve(source, { streams: { bufferBytes: 256 * 1024 } });
    const slow = listen(app, "an agent's key of the owner", undefined, true);
    const quick = listen(app, "an agent's key of the owner");
    await quick.until("event: hello");
    for (let waited = 0; app.hub.size < 2 && waited < 5000; waited += 5) await new Promise((resolve) => setTimeout(resolve, 5));
    for (let n = 0; n < 400; n += 1) {
      source.add(forKey("key1", "x".repeat(64 * 1024)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (let waited = 0; quick.text().length < 400 * 64 * 1024 && waited < 8000; waited += 20) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(idsOf(quick.text()).at(-1)).toBe(400);
    expect([app.hub.dropped, app.hub.size]).toEqual([1, 1]);
    // What it gets now is what the kernel held and no more: of 25 MiB nothing waited for it here.
    let late = 0;
    slow.socket.on("data", (chunk) => (late += chunk.length));
    slow.socket.resume();
    await slow.closed;
    expect(late).toBeLessThan(12 * 1024 * 1024);
  });

  it("one credential has so many streams and no more", async () => {
    const source = record();
    const app = await serve(source, { streams: { perIdentity: 2 } });
    const open = [listen(app, "an approver"), listen(app, "an approver")];
    await Promise.all(open.map((one) => one.until("event: hello")));
    const third = await app.send({ method: "GET", path: "/v1/events", headers: CREDENTIALS["an approver"].headers });
    expect([third.status, third.headers["retry-after"]]).toEqual([429, "5"]);
    open[0]?.socket.destroy();
    await open[0]?.closed;
    for (let waited = 0; app.hub.size > 1 && waited < 5000; waited += 5) await new Promise((resolve) => setTimeout(resolve, 5));
    await listen(app, "an approver").until("event: hello");
  });

  it("where the news cannot be told, streams end rather than skip a row", async () => {
    const source = record();
    const app = await serve(source);
    const listener = listen(app, "an approver");
    await listener.until("event: hello");
    source.fail = true;
    source.add(forKey("key1", "lost?"));
    await listener.closed;
    source.fail = false;
    const again = listen(app, "an approver", "0");
    expect(await again.until("lost?")).toContain('"resumed":true');
  });

  it("when the server closes, streams end with the hint to come back", async () => {
    const source = record();
    const app = await serve(source);
    const listener = listen(app, "an approver");
    await listener.until("event: hello");
    await app.close();
    await listener.closed;
    expect(listener.text()).toContain("retry: 1000\n: closing\n\n");
  });
});
