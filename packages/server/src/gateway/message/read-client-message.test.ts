import { describe, expect, it } from "vitest";
import { readClientMessage } from "./read-client-message.ts";

const read = (text: string | Buffer): object => readClientMessage(Buffer.isBuffer(text) ? text : Buffer.from(text));
const refusal = (text: string | Buffer): unknown => {
  const message = readClientMessage(Buffer.isBuffer(text) ? text : Buffer.from(text));
  return message.kind === "refused" ? [message.code, message.id] : message.kind;
};
const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{}}}';

it("tells calls, requests, notifications and responses apart", () => {
  expect(read(CALL)).toEqual({ kind: "call", id: 1, params: { name: "t", arguments: {} } });
  expect(read('{"method":"tools\\/call","id":"a","jsonrpc":"2.0"}')).toEqual({ kind: "call", id: "a", params: undefined });
  expect(read('{"jsonrpc":"2.0","id":0,"method":"vendor/thing","params":{"x":1e400}}')).toEqual({ kind: "request", id: 0, method: "vendor/thing", params: { x: Infinity } });
  expect(read('{"jsonrpc":"2.0","method":"notifications/initialized"}')).toEqual({ kind: "notification", method: "notifications/initialized", params: undefined });
  expect(read('{"jsonrpc":"2.0","id":3,"result":{"action":"accept"}}')).toEqual({ kind: "response", id: 3, ok: true, body: { action: "accept" } });
  expect(read('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}')).toEqual({ kind: "response", id: undefined, ok: false, body: { code: -32_700, message: "no" } });
});

describe("what could be a tool call to another reader is refused", () => {
  it.each([
    ["a batch", `[${CALL}]`, [-32_600, null]],
    ["a method twice", '{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"ping"}', [-32_600, 1]],
    ["a method twice, once escaped", '{"jsonrpc":"2.0","id":1,"\\u006dethod":"tools/call","method":"ping"}', [-32_600, 1]],
    ["params twice", '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}', [-32_600, 1]],
    ["an argument twice", '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":1,"x":2}}}', [-32_600, 1]],
    ["an integer that readers round", '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":9007199254740993}}}', [-32_600, 1]],
    ["another case of a member", '{"jsonrpc":"2.0","id":1,"Method":"tools/call","method":"ping"}', [-32_600, 1]],
    ["a member with an invisible character", '{"jsonrpc":"2.0","id":1,"method\\u200b":"tools/call","method":"ping"}', [-32_600, 1]],
    ["a member in full width", '{"jsonrpc":"2.0","id":1,"ｍethod":"tools/call","method":"ping"}', [-32_600, 1]],
    ["a member with a long s", '{"jsonrpc":"2.0","id":1,"method":"ping","paramſ":{}}', [-32_600, 1]],
    ["another case of the method", '{"jsonrpc":"2.0","id":1,"method":"Tools/Call"}', [-32_600, 1]],
    ["space around the method", '{"jsonrpc":"2.0","id":1,"method":" tools/call\\n"}', [-32_600, 1]],
    ["a method that ends at NUL", '{"jsonrpc":"2.0","id":1,"method":"tools/call\\u0000x"}', [-32_600, 1]],
    ["another separator", '{"jsonrpc":"2.0","id":1,"method":"tools.call"}', [-32_600, 1]],
    ["a path around the method", '{"jsonrpc":"2.0","id":1,"method":"/mcp/tools/call?x"}', [-32_600, 1]],
    ["a call without an id", '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"t"}}', [-32_600, undefined]],
    ["a call with id null", '{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"t"}}', [-32_600, null]],
    ["a call of another JSON-RPC", '{"jsonrpc":"1.0","id":1,"method":"tools/call"}', [-32_600, 1]],
    ["a call that is a response too", '{"jsonrpc":"2.0","id":1,"method":"tools/call","result":{}}', [-32_600, 1]],
    ["a call with an approval of its own", '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"},"approved":true}', [-32_600, 1]],
    ["a call behind another message", `{"jsonrpc":"2.0","id":1,"method":"ping"}${CALL}`, [-32_700, null]],
    ["a call behind a carriage return", `{"jsonrpc":"2.0","id":1,"method":"ping","params":\r${CALL}\r}`, [-32_600, 1]],
    ["a byte order mark", `\ufeff${CALL}`, [-32_700, null]],
    ["what is no UTF-8", Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}}')]), [-32_700, null]],
    ["a method in a list", '{"jsonrpc":"2.0","id":1,"method":["tools/call"]}', [-32_600, 1]],
    ["neither request nor response", '{"jsonrpc":"2.0","id":1}', [-32_600, 1]],
    ["a string", '"tools/call"', [-32_600, null]],
  ])("%s", (_what, text, expected) => {
    expect(refusal(text)).toEqual(expected);
  });
});

it("what matters to no reader passes: other members, numbers, depth, text with line separators of Unicode", () => {
  const deep = `${"[".repeat(500)}${"]".repeat(500)}`;
  for (const text of [
    '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a\u2028b","n":9007199254740993}}',
    `{"jsonrpc":"2.0","id":1,"method":"vendor/deep","params":{"a":${deep}}}`,
    '{"jsonrpc":"2.0","id":1,"method":"ping","vendor":true}',
  ])
    expect(read(text)).toMatchObject({ kind: "request" });
});

it("long names cost no time", () => {
  const long = "\u0301".repeat(300_000);
  const started = performance.now();
  expect(refusal(`{"jsonrpc":"2.0","id":1,"method":"ping","${long}":1}`)).toEqual([-32_600, 1]);
  expect(refusal(`{"jsonrpc":"2.0","id":1,"method":"${long}"}`)).toEqual([-32_600, 1]);
  expect(performance.now() - started).toBeLessThan(1_000);
});
