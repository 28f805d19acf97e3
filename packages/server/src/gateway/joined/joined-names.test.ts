import fc from "fast-check";
import { expect, it } from "vitest";
import type { PolicyDocument } from "@countersign/sdk";
import { whyNotJoined } from "../../config/joined-server-name.ts";
import { LineFramer } from "../message/line-framer.ts";
import { mutatedMessages } from "../fixture/mutated-messages.ts";
import { seesToolCall } from "../fixture/sloppy-witness.ts";
import { joinedStage } from "./fixture/joined-stage.ts";
import { scriptedServer } from "./fixture/scripted-server.ts";
import { joinedName } from "./joined-names.ts";

const RUNS = process.env["COUNTERSIGN_LONG"] === undefined ? 5_000 : 50_000;
/** Made of what could be mistaken for the place between the two. */
const part = fc.string({ unit: fc.constantFrom("a", "b", "_", "__", "-", "."), minLength: 1, maxLength: 6 });

it("R7: two pairs of server and tool never make one name, of any that are joined", () => {
  let several = 0;
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
      const name = parts.join("");
      const cuts = [...name.matchAll(/(?=__)/g)].map(({ index }) => ({ server: name.slice(0, index), tool: name.slice(index + 2) }));
      const pairs = cuts.filter(({ server, tool }) => server !== "" && whyNotJoined(server) === undefined && joinedName(server, tool) === name);
      if (cuts.length > 1) several += 1;
      expect(pairs.length).toBeLessThan(2);
    }),
    { numRuns: RUNS, seed: 20_261_125 },
  );
  expect(several).toBeGreaterThan(RUNS / 4);
});

it("R7: a rule for one server never changes a verdict for another, whatever their names and their tools' look like together", async () => {
  const rules = fc.record({ server: fc.constantFrom("a", "b", "a__b", "a_b", "a.b", "a-b"), tool: part });
  let [blocked, ran, refused] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(rules, fc.array(part, { minLength: 1, maxLength: 3 }), fc.array(part, { minLength: 5, maxLength: 5 }), async (rule, tools, asked) => {
      const servers = { a: scriptedServer({ tools: [...tools, rule.tool] }), a_b: scriptedServer({ tools }), "a.b": scriptedServer({ tools: [rule.tool] }) };
      const policies: PolicyDocument = { version: 1, default: "allow", policies: [{ name: "rule", match: `mcp:${rule.server}:${rule.tool}`, action: "block", approval: "never", reason: "ruled out" }] };
      const at = joinedStage(servers, { policies });
      try {
        await at.initialize();
        const lists = { a: [...tools, rule.tool], a_b: tools, "a.b": [rule.tool] };
        for (const name of [...asked, `a__${rule.tool}`, `a_b__${tools[0]}`, `a__b__${rule.tool}`, `${rule.server}__${rule.tool}`]) {
          const [pair, another] = Object.entries(lists).flatMap(([server, own]) => [...new Set(own)].filter((tool) => `${server}__${tool}` === name).map((tool) => ({ server, tool })));
          expect(another).toBeUndefined();
          const { isError, text } = await at.call(name);
          const isRuled = pair !== undefined && pair.server === rule.server && pair.tool === rule.tool;
          const expected = pair === undefined ? "no server here lists" : isRuled ? `mcp:${rule.server}:${rule.tool}: ruled out` : `ran ${pair.tool}`;
          expect([name, isError, text]).toEqual([name, pair === undefined || isRuled, expect.stringContaining(expected)]);
          if (pair === undefined) refused += 1;
          else if (isRuled) blocked += 1;
          else ran += 1;
        }
      } finally {
        await at.close();
      }
    }),
    { numRuns: RUNS / 10, seed: 7 },
  );
  expect([blocked, ran, refused].every((some) => some > RUNS / 50), `${blocked} blocked, ${ran} ran, ${refused} refused`).toBe(true);
});

it("R6: no message that one of the joined servers could read as a tools/call reaches it without a verdict", async () => {
  let [calls, others] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(mutatedMessages, { minLength: 10, maxLength: 10 }), fc.boolean(), async (messages, greets) => {
      const servers = { a: scriptedServer({ dual: true, tools: ["write"], prompts: ["tools/call"] }), b: scriptedServer({ dual: true, tools: ["write"] }) };
      const at = joinedStage(servers);
      try {
        if (greets) await at.initialize();
        const framer = new LineFramer(1_000_000, { onLine: (line) => at.session.fromClient(line), onOversize: () => undefined });
        for (const message of messages) {
          framer.push(Buffer.concat([Buffer.from(message.toString("latin1").replaceAll('"write"', '"a__write"'), "latin1"), Buffer.from("\n")]));
          await new Promise((resolve) => setImmediate(resolve));
        }
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        const heard = Object.values(servers).flatMap(({ peers }) => peers.flatMap((peer) => peer.heard));
        const own = heard.filter((text) => /^\{"jsonrpc":"2\.0","id":"countersign-[\w-]{12}-\d+","method":"tools\/call"/.test(text));
        const rest = heard.filter((text) => !own.includes(text));
        expect(rest.filter((text) => seesToolCall(Buffer.from(text)))).toEqual([]);
        at.session.clientGone();
        await at.session.stop();
        await at.session.drained();
        const rows = (await at.rows()).filter(({ type, action }) => type === "decision" && action === "allow");
        expect(rows).toHaveLength(own.length);
        calls += own.length;
        others += rest.length;
      } finally {
        await at.close();
      }
    }),
    { numRuns: RUNS / 20, seed: 11 },
  );
  expect([calls, others].every((some) => some > RUNS / 50), `${calls} calls, ${others} others`).toBe(true);
});
