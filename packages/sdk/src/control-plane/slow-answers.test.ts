import { expect, it } from "vitest";
import { connect } from "../client/fixture/governed-client.ts";
import { until, useControlPlane } from "./fixture/client-suite.ts";
import { FakeControlPlane } from "./fixture/fake-control-plane.ts";

const world = useControlPlane(() => FakeControlPlane.start());

it("the control plane is slow, and answers one question after the other: whoever is late in its queue is asked about too", async () => {
  await world.begin();
  const { client, received } = await connect("v2 esm", {});
  let turn = 0;
  world.way.fault = (line) => (line === "POST /v1/approvals" ? { delayMs: 250 * turn++ } : undefined);
  const calls = Promise.all(Array.from({ length: 12 }, (_, n) => client.callTool({ name: "write_file", arguments: { path: `/tmp/${n}` } })));
  const asked = until(async () => ((await world.plane.requests()).length === 12 ? world.plane.requests() : undefined));
  for (const { id } of await Promise.race([asked, calls.then(() => [])])) await world.plane.decide(id, "approve");
  await calls;
  expect(received).toHaveLength(12);
  expect(turn).toBe(12);
});
