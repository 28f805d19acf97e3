/** docs/clients.md names the clients that the gateway was tried with, at the versions that are pinned here, and what each is told. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { OFFICIAL, PEERS, pinnedVersion } from "./peers.ts";

const FRONTS = { stdio: "stdio", http: "HTTP" } as const;

it("docs/clients.md names every client that was tried, its version and its fronts, and no other", () => {
  const page = readFileSync(new URL("../../docs/clients.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `([^`]+)` \| ([\d.]+) \| ([^|]+) \|/gm)].map(([, name, version, fronts]) => `${name} ${version} ${fronts}`);
  const tried = [...PEERS, ...OFFICIAL].map((peer) => `${peer.package} ${pinnedVersion(peer.package)} ${peer.fronts.map((front) => FRONTS[front]).join(", ")}`);
  expect(rows.toSorted()).toEqual(tried.toSorted());
});
