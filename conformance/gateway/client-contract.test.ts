/**
 * R25 with the official clients, v1 in a session and v2 without, in every front: the caller always gets a definite, legal answer; a call that
 * is sent again joins or is refused, and never runs twice; a long wait does not rely on a held connection alone. The witness says what ran.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ERAS, startContractStage, WAYS, type ContractStage, type NotesClient, type Told } from "./contract-stage.ts";

const HOLD_S = 0.6;
let at: ContractStage;
beforeAll(async () => {
  at = await startContractStage({ holdS: HOLD_S });
});
afterAll(() => at.close());

const COUNTS = [1, 2, 3, 4, 5];
const times = <T>(count: number, work: () => Promise<T>): Promise<readonly T[]> => Promise.all(Array.from({ length: count }, work));

type Kind = "ran" | "pending" | "joined another" | "denied" | "expired" | "unclear";
function kindOf({ isError, text }: Told): Kind {
  if (!isError) return /^wrote \S+$/.test(text) ? "ran" : "unclear";
  if (/has not run\..*again with the same arguments/s.test(text)) return "pending";
  if (text.includes("A person denied it; it did not run.")) return "denied";
  if (text.includes("Nobody approved it in time; it did not run.")) return "expired";
  if (text.includes("did not run a second time")) return "joined another";
  return "unclear";
}
const kinds = (told: readonly Told[]): readonly Kind[] => told.map(kindOf);
const unclear = (told: readonly Told[]): readonly Told[] => told.filter((one) => kindOf(one) === "unclear");

const CELLS = ERAS.flatMap((era) => WAYS.map((way) => ({ era, way })));
describe.for(CELLS)("$era, $way", ({ era, way }) => {
  let client: NotesClient;
  const note = (name: string): string => `${era}/${way}/${name}`.replaceAll(" ", "-");
  beforeAll(async () => {
    client = await at.connect(way, era);
  });
  afterAll(() => client.close());

  /** Until something else than "call again" comes. */
  async function persist(tool: "write_note" | "write_soon" | "write_slowly", name: string): Promise<Told> {
    for (;;) {
      const told = await client.call(tool, note(name));
      if (kindOf(told) !== "pending") return told;
    }
  }
  async function denyWhatIsLeft(name: string): Promise<void> {
    for (const request of await at.about(note(name))) if (request.state === "pending") await at.owner.vote(request, "deny");
  }

  it("approved, denied, never answered: each is told so, and nothing but what was approved runs", async () => {
    const asked = { approved: persist("write_note", "approved"), denied: persist("write_note", "denied"), expired: persist("write_soon", "expired") };
    await at.owner.vote(await at.sees(note("approved"), "pending"));
    await at.owner.vote(await at.sees(note("denied"), "pending"), "deny");
    expect(kinds([await asked.approved, await asked.denied, await asked.expired])).toEqual(["ran", "denied", "expired"]);
    expect(["approved", "denied", "expired"].map((name) => at.runsOf(note(name)))).toEqual([1, 0, 0]);
  });

  it("sent again while people are asked: one request, one run, whoever of the senders gets it", async () => {
    await Promise.all(
      COUNTS.map(async (count) => {
        const name = `pending-${count}`;
        const asked = times(count, () => persist("write_note", name));
        const request = await at.sees(note(name), "pending");
        await sleep(HOLD_S * 1_000);
        expect(await at.about(note(name))).toHaveLength(1);
        expect(await at.owner.vote(request)).toBe(200);
        const told = await settledOrAsked(asked, name);
        expect(unclear(told)).toEqual([]);
        expect(kinds(told).filter((kind) => kind === "ran")).toHaveLength(1);
        expect(at.runsOf(note(name))).toBe(1);
      }),
    );
  });

  it("sent again after it was approved while nobody waited: one of them runs it", async () => {
    await Promise.all(
      COUNTS.map(async (count) => {
        const name = `approved-${count}`;
        // In a session after its hold, without one after all its rounds.
        expect(kindOf(await client.call("write_note", note(name)))).toBe("pending");
        expect(await at.owner.vote(await at.sees(note(name), "pending"))).toBe(200);
        expect(at.runsOf(note(name))).toBe(0);
        const told = await settledOrAsked(times(count, () => persist("write_note", name)), name);
        expect(unclear(told)).toEqual([]);
        expect(kinds(told).filter((kind) => kind === "ran")).toHaveLength(1);
        expect(at.runsOf(note(name))).toBe(1);
      }),
    );
  });

  it("sent again while it runs: refused or told, and it does not run again", async () => {
    await Promise.all(
      COUNTS.map(async (count) => {
        const name = `executing-${count}`;
        const first = persist("write_slowly", name);
        await at.owner.vote(await at.sees(note(name), "pending"));
        await expect.poll(() => at.runsOf(note(name)), { timeout: 5_000, interval: 20 }).toBe(1);
        const told = await settledOrAsked(times(count, () => persist("write_slowly", name)), name);
        expect(kindOf(await first)).toBe("ran");
        expect(unclear(told)).toEqual([]);
        expect(kinds(told)).not.toContain("ran");
        expect(at.runsOf(note(name))).toBe(1);
      }),
    );
  });

  it("sent again after it ran: another question, which nobody has answered", async () => {
    const name = "completed";
    const first = persist("write_note", name);
    await at.owner.vote(await at.sees(note(name), "pending"));
    expect(kindOf(await first)).toBe("ran");
    const told = await settledOrAsked(times(5, () => persist("write_note", name)), name);
    expect(kinds(told)).toEqual(Array.from({ length: 5 }, () => "denied"));
    expect((await at.about(note(name))).map(({ state }) => state)).toEqual(["denied", "completed"]);
    expect(at.runsOf(note(name))).toBe(1);
  });

  it("R11: taken back while people are asked: the request ends, a late yes is none, and nothing runs", async () => {
    const leaving = new AbortController();
    const call = client.call("write_note", note("cancelled"), { signal: leaving.signal }).catch(() => "taken back");
    const request = await at.sees(note("cancelled"), "pending");
    leaving.abort();
    expect(await call).toBe("taken back");
    await at.sees(note("cancelled"), "cancelled");
    expect(await at.owner.vote(request)).not.toBe(200);
    expect(at.runsOf(note("cancelled"))).toBe(0);
    // Whoever asks again, asks anew.
    const again = persist("write_note", "cancelled");
    await at.owner.vote(await at.sees(note("cancelled"), "pending"));
    expect(kindOf(await again)).toBe("ran");
    expect(at.runsOf(note("cancelled"))).toBe(1);
  });

  /** These answers; whoever of them asked anew, because the first was spent already, is denied. */
  async function settledOrAsked(asked: Promise<readonly Told[]>, name: string): Promise<readonly Told[]> {
    const over = new AbortController();
    const settled = asked.finally(() => over.abort());
    while (!over.signal.aborted) {
      if (at.runsOf(note(name)) > 0) await denyWhatIsLeft(name);
      await Promise.race([settled, sleep(50)]);
    }
    return settled;
  }
});

it("a client in a session that asked for progress is told that it waits, so that its own limit does not end it; what it is told rises", async () => {
  await Promise.all(
    CELLS.filter(({ era }) => era === "2025-11-25").map(async ({ era, way }) => {
      const client = await at.connect(way, era);
      const note = `patient/${era}/${way}`;
      const seen: { readonly progress: number; readonly message?: string | undefined }[] = [];
      const call = client.call("write_note", note, { timeoutMs: 6_500, onProgress: (step) => void seen.push(step) });
      const request = await at.sees(note, "pending");
      await sleep(7_000);
      expect(await at.owner.vote(request)).toBe(200);
      expect([era, way, kindOf(await call)]).toEqual([era, way, "ran"]);
      expect(seen.map(({ message }) => message).join()).toContain(request.id);
      expect(seen.map(({ progress }) => progress).toSorted((a, b) => a - b)).toEqual(seen.map(({ progress }) => progress));
      await client.close();
    }),
  );
});
