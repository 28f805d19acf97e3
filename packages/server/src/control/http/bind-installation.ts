/** Routes about policies, the record, and the installation itself. */
import { insights, people as wire } from "@countersign/sdk/wire";
import type { RouteName } from "@countersign/sdk/wire";
import { z } from "zod";
import { refuse } from "../refusal.ts";
import { bind, empty, json, one } from "./binding.ts";
import type { Bound } from "./binding.ts";
import { BODY_BYTES } from "./limits.ts";

const after = z.coerce.number().int().min(0).optional();

function versionOf(id: string): number | undefined {
  return /^[1-9]\d{0,9}$/.test(id) ? Number(id) : undefined;
}
const NO_SUCH_VERSION = refuse("not_found", "");

export const INSTALLATION_BINDINGS = {
  installation: bind({
    answer: wire.installation,
    run: ({ resources, identity }) => one(resources.installation.read(identity), (said) => said.installation),
  }),
  diagnose: bind({
    answer: wire.installationDiagnosis,
    run: ({ resources, identity }) => one(resources.installation.diagnose(identity), (said) => said.diagnosis),
  }),
  readInsights: bind({
    query: insights.insightsQuery,
    answer: insights.insights,
    run: ({ resources, identity }, { query }) => one(resources.insights.read(identity, query), (said) => said.insights),
  }),
  listPolicies: bind({ answer: z.object({ versions: z.array(wire.policyVersion) }), run: ({ resources, identity }) => json(resources.policies.list(identity)) }),
  readPolicy: bind({
    answer: wire.policyText,
    run: async ({ resources, identity, id }) => {
      const version = versionOf(id);
      return version === undefined ? NO_SUCH_VERSION : one(resources.policies.read(identity, version), (said) => said.version);
    },
  }),
  savePolicy: bind({
    body: wire.policyBody,
    answer: wire.policyVersion,
    status: 201,
    maxBytes: BODY_BYTES.document,
    run: ({ resources, identity }, { body }) => one(resources.policies.save(identity, body), (said) => said.version),
  }),
  checkPolicy: bind({
    body: wire.policyBody,
    answer: wire.policyCheck,
    maxBytes: BODY_BYTES.document,
    run: ({ resources, identity, signal }, { body }) => one(resources.policies.check(identity, body, signal), (said) => said.check),
  }),
  activatePolicy: bind({
    body: wire.activateBody,
    answer: wire.activation,
    run: async ({ resources, identity, id }, { body }) => {
      const version = versionOf(id);
      return version === undefined ? NO_SUCH_VERSION : one(resources.policies.activate(identity, version, body), (said) => said.activation);
    },
  }),
  readRecord: bind({ query: wire.recordQuery, answer: wire.recordPage, run: ({ resources, identity }, { query }) => json(resources.record.query(identity, query)) }),
  exportRecord: bind({
    query: z.object({ after }),
    stream: true,
    status: 200,
    run: async ({ resources, identity }, { query }) => {
      const said = await resources.record.export(identity, { after: query.after ?? 0 });
      return said.ok ? { kind: "lines", lines: said.lines } : said;
    },
  }),
  checkpoints: bind({
    query: z.object({ after, limit: z.coerce.number().int().min(1).max(1000).optional() }),
    answer: z.object({ checkpoints: z.array(wire.checkpoint) }),
    run: ({ resources, identity }, { query }) => json(resources.record.checkpoints(identity, { after: query.after ?? 0, limit: query.limit ?? 100 })),
  }),
  eraseArguments: bind({
    body: wire.eraseBody,
    answer: z.object({ erased: z.int() }),
    run: ({ resources, identity }, { body }) => json(resources.record.erase(identity, body)),
  }),
  stop: bind({ run: ({ resources, identity }) => empty(resources.installation.stop(identity)) }),
} as const satisfies Partial<Record<RouteName, Bound>>;
