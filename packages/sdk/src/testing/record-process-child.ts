/** The process that record-process.ts starts. Prints `ack <call> <seq> <hash>` after each commit that was acknowledged. */
import { writeSync } from "node:fs";
import { openRecord } from "../record/open-record.ts";
import { fakeDecision, fakeIntent, fakeOutcome } from "./fake-entries.ts";

const [, , directory = "", how = ""] = process.argv;
const recorder = openRecord({ record: directory, env: {}, now: Date.now, onWarning: (message) => writeSync(2, `${message}\n`) });

if (how === "until killed") {
  for (let n = 0; ; n += 1) {
    for (let allowed = 0; allowed < 20; allowed += 1) recorder.complete(await recorder.append(fakeDecision(1_000_000 + n)), fakeOutcome(1_000_000 + n));
    const queued = await recorder.append(fakeDecision(n));
    await recorder.commit(fakeIntent(n));
    const { hash, seq } = recorder.head();
    writeSync(1, `ack ${n} ${seq} ${hash}\n`);
    recorder.complete(queued, fakeOutcome(n));
  }
}
for (let n = 0; n < 1_000; n += 1) await recorder.append(fakeDecision(n));
if (how === "process.exit") process.exit(0);
if (how === "throw") throw new Error("on purpose");
