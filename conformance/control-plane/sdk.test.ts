// The SDK's promises about a control plane, against the real one as a process: the same suite that its fake runs.
import { controlPlaneClientSuite } from "../../packages/sdk/src/control-plane/fixture/client-suite.ts";
import type { ControlPlaneUnderTest, RequestSeen } from "../../packages/sdk/src/control-plane/fixture/fake-control-plane.ts";
import { startControlPlane } from "./running-control-plane.ts";
import { hireStaff } from "./staff.ts";

interface Listed {
  readonly requests: readonly { readonly id: string; readonly requestDigest: string; readonly state: RequestSeen["state"]; readonly tool: string }[];
}
interface Detail {
  readonly endReason: string | null;
  readonly outcome: { readonly outcome: string } | null;
}
type Row = Readonly<Record<string, unknown>>;

const BEFORE = "version: 1\ndefault: allow\npolicies: []\n";

controlPlaneClientSuite("the real control plane", async (): Promise<ControlPlaneUnderTest> => {
  const plane = await startControlPlane({ policy: BEFORE });
  const { owner, must, addKey } = await hireStaff(plane);
  await must(owner, "PATCH", `/v1/people/${owner.personId}`, { email: "jane@company.com" });
  const { secret } = await addKey("suite", owner.personId);
  let inForce = 1;
  const list = async (): Promise<Listed["requests"]> => (await must<Listed>(owner, "GET", "/v1/approvals?order=newest&limit=100")).requests.toReversed();
  const rowsOf = async (query: string): Promise<readonly Row[]> => (await must<{ rows: readonly string[] }>(owner, "GET", `/v1/record?limit=1000&${query}`)).rows.map((line) => JSON.parse(line) as Row);

  async function seen({ id, state, tool }: Listed["requests"][number]): Promise<RequestSeen> {
    const [{ endReason, outcome }, rows] = await Promise.all([must<Detail>(owner, "GET", `/v1/approvals/${id}`), rowsOf(`requestId=${id}`)]);
    const spent = rows.filter(({ type }) => type === "intent").length;
    const givenBack = rows.filter(({ event }) => event === "claim_released").length;
    return { id, state, tool, endReason, claims: spent - givenBack, outcome: outcome?.outcome ?? null };
  }

  return {
    url: plane.url,
    apiKey: secret,
    requests: async () => Promise.all((await list()).map(seen)),
    async decide(id, choice, reason = "") {
      const asked = (await list()).find((one) => one.id === id);
      await must(owner, "POST", `/v1/approvals/${id}/vote`, { choice, requestDigest: asked?.requestDigest ?? "", viewedDigest: null, reason, grant: null });
    },
    async activate(text) {
      const { version } = await must<{ version: number }>(owner, "POST", "/v1/policies", { text, comment: "" });
      await must(owner, "POST", `/v1/policies/${version}/activate`, { expect: inForce, comment: "" });
      inForce = version;
    },
    shipped: async () => (await rowsOf("order=oldest")).filter((row) => row["reportedBy"] !== undefined),
    close: () => plane.remove(),
  };
});
