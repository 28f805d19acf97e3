// A record that is kept, verified, read and erased.
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { configureSession, init, readArgumentKey, readRecord, shutdown, stateDirectory, verifyRecordDirectory } from "@countersign/sdk";
import { connectFilesystem, createScratchFolder } from "../../filesystem.ts";

const { status } = init({ policies: "countersign.policy.yaml" });
const folder = await createScratchFolder();
const client = await connectFilesystem(folder);
configureSession(client, { serverName: "filesystem", onPolicyBlock: () => true, governanceConfig: { agentName: "file-manager" } });
await client.callTool({ name: "read_text_file", arguments: { path: `${folder}/readme.txt` } });
await client.callTool({ name: "write_file", arguments: { path: `${folder}/a.txt`, content: "hello" } });
await client.close();
await shutdown();

console.log("verified:");
// #region verify
const state = stateDirectory(process.env);
const directory = join(state, "record");
const { ok, files, problems } = await verifyRecordDirectory(directory);
for (const { file, rows, closed } of files) console.log(`  ${file}: ${rows} rows, ${closed ? "closed" : "open"}`);
console.log(`  ok=${ok}, ${problems.length} problems`);
// #endregion

const [own] = files;
if (own === undefined) throw new Error("there is no record");
const { file, head } = own;
const path = join(directory, file);

async function read(): Promise<void> {
  // #region read
  const keyOf = (id: string) => readArgumentKey(state, id);
  for await (const { seq, body, argumentsText } of readRecord(path, { keyOf })) {
    const words = [body["type"], body["event"], body["tool"], body["status"], argumentsText].filter((word) => typeof word === "string");
    console.log(`  ${seq} ${words.join(" ")}`);
  }
  // #endregion
}
console.log("read:");
await read();

console.log("erased:");
// #region erase
await rm(join(state, "keys", file.replace(/\.jsonl$/, ".key")));
// #endregion
await read();
console.log(`  ok=${(await verifyRecordDirectory(directory)).ok}`);

console.log("cut, and the head was kept elsewhere:");
// #region head
const kept = status().record; // { path, seq, hash }: send it to another machine now and then
const rows = (await readFile(path, "utf8")).split("\n");
await writeFile(path, `${rows.slice(0, 3).join("\n")}\n`); // somebody cuts the tail

const alone = await verifyRecordDirectory(directory);
const known = await verifyRecordDirectory(directory, { heads: new Map([[file, { seq: kept.seq, hash: kept.hash }]]) });
console.log(`  ok=${alone.ok} without it`);
console.log(`  ok=${known.ok} with it: ${known.problems[0]?.message}`);
// #endregion
if (head.hash !== kept.hash) throw new Error("the verifier and the writer disagree");
