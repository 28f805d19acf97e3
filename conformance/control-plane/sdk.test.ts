// The SDK's promises about a control plane, against the real one: the same suite that its fake runs.
import { controlPlaneClientSuite } from "../../packages/sdk/src/control-plane/fixture/client-suite.ts";
import type { ControlPlaneUnderTest, RequestSeen } from "../../packages/sdk/src/control-plane/fixture/fake-control-plane.ts";
import { startControlPlane } from "./started-control-plane.ts";

interface Listed {
  readonly requests: readonly { readonly id: string; readonly requestDigest: string; readonly state: RequestSeen["state"]; readonly tool: string }[];
}
interface Detail {
  readonly endReason: string | null;
  readonly outcome: { readonly outcome: string } | null;
}
type Row = Readonly<Record<string, unknown>>;

controlPlaneClientSuite("the real control plane", async (): Promise<ControlPlaneUnderTest> => {
  const plane = await startControlPlane();
  const { owner } = plane;
  await owner.send("PATCH", `/v1/people/${owner.personId}`, { email: "jane@company.com" });
  const list = async (): Promise<Listed["requests"]> => (await owner.send<Listed>("GET", "/v1/approvals?order=newest&limit=100")).requests.toReversed();
  const rowsOf = async (query: string): Promise<readonly Row[]> => (await owner.send<{ rows: readonly string[] }>("GET", `/v1/record?limit=1000&${query}`)).rows.map((line) => JSON.parse(line) as Row);

  async function seen({ id, state, tool }: Listed["requests"][number]): Promise<RequestSeen> {
    const [{ endReason, outcome }, rows] = await Promise.all([owner.send<Detail>("GET", `/v1/approvals/${id}`), rowsOf(`requestId=${id}`)]);
    const spent = rows.filter(({ type }) => type === "intent").length;
    const givenBack = rows.filter(({ event }) => event === "claim_released").length;
    return { id, state, tool, endReason, claims: spent - givenBack, outcome: outcome?.outcome ?? null };
  }

  return {
    url: plane.url,
    apiKey: await plane.makeKey("suite"),
    requests: async () => Promise.all((await list()).map(seen)),
    async decide(id, choice, reason = "") {
      const asked = (await list()).find((one) => one.id === id);
      await owner.send("POST", `/v1/approvals/${id}/vote`, { choice, requestDigest: asked?.requestDigest ?? "", viewedDigest: null, reason, grant: null });
    },
    activate: (text) => plane.activate(text),
    shipped: async () => (await rowsOf("order=oldest")).filter((row) => row["reportedBy"] !== undefined),
    close: () => plane.close(),
  };
});
