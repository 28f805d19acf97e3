/** Routes that try a document on recorded calls. */
import { trial as wire } from "@countersign/sdk/wire";
import type { RouteName } from "@countersign/sdk/wire";
import { bind, json } from "./binding.ts";
import type { Bound } from "./binding.ts";
import { BODY_BYTES } from "./limits.ts";

export const TRIAL_BINDINGS = {
  listRecordedCalls: bind({ query: wire.recordedCallQuery, answer: wire.recordedCallList, run: ({ resources, identity }, { query }) => json(resources.trials.calls(identity, query)) }),
  explainPolicy: bind({
    body: wire.explainBody,
    answer: wire.explainAnswer,
    maxBytes: BODY_BYTES.call,
    run: ({ resources, identity, signal }, { body }) => json(resources.trials.explain(identity, body, signal)),
  }),
  replayPolicy: bind({
    body: wire.replayBody,
    answer: wire.replayReport,
    maxBytes: BODY_BYTES.call,
    run: ({ resources, identity, signal }, { body }) => json(resources.trials.replay(identity, body, signal)),
  }),
} as const satisfies Partial<Record<RouteName, Bound>>;
