/** Routes about requests, grants, and what agents' processes exchange. */
import * as wire from "@countersign/sdk/wire";
import type { RouteName } from "@countersign/sdk/wire";
import { z } from "zod";
import type { Identity } from "../../auth/identity.ts";
import { bind, empty, json } from "./binding.ts";
import type { Bound } from "./binding.ts";
import { BODY_BYTES } from "./limits.ts";

const asked = z.object({ request: wire.askedRequest });
const detail = z.object({ request: wire.people.requestDetail });
const summary = z.object({ request: wire.people.requestSummary });
const askedQuery = z.object({ waitMs: z.coerce.number().int().min(0).optional(), rev: z.coerce.number().int().min(0).optional() });

/** A token is what a person's command line holds; everything else comes from the pages. */
function channelOf(identity: Identity): string {
  return identity.kind === "person" && identity.via === "token" ? "terminal" : "inbox";
}

export const REQUEST_BINDINGS = {
  bundle: bind({
    answer: wire.bundle,
    run: async ({ services, identity, ifNoneMatch }) => {
      const said = await services.bundle.read(identity);
      if (!said.ok) return said;
      const etag = `"${said.bundle.digest}"`;
      return ifNoneMatch === etag ? { kind: "empty", status: 304, etag } : { kind: "json", body: said.bundle, etag };
    },
  }),
  ask: bind({
    body: wire.askBody,
    answer: wire.askAnswer,
    status: 201,
    maxBytes: BODY_BYTES.call,
    run: async ({ services, identity }, { body }) => {
      const said = await services.requests.ask(identity, body);
      return said.ok ? { kind: "json", body: { request: said.request, created: said.created }, status: said.created ? 201 : 200 } : said;
    },
  }),
  listRequests: bind({
    query: wire.people.requestListQuery,
    answer: wire.people.requestList,
    run: ({ services, identity }, { query }) => json(services.requests.list(identity, query)),
  }),
  readRequest: bind({ answer: detail, run: ({ services, identity, id }) => json(services.requests.read(identity, id)) }),
  readAsked: bind({
    query: askedQuery,
    answer: asked,
    run: ({ services, identity, id, signal, maxWaitMs }, { query: { waitMs = 0, rev } }) =>
      json(services.requests.asked(identity, id, { waitMs: Math.min(waitMs, maxWaitMs), rev, signal })),
  }),
  vote: bind({
    body: wire.people.voteBody,
    answer: summary,
    run: ({ services, identity, id }, { body }) => json(services.requests.vote(identity, id, body, channelOf(identity))),
  }),
  cancel: bind({ body: wire.endBody, answer: asked, run: ({ services, identity, id }, { body }) => json(services.requests.cancel(identity, id, body)) }),
  supersede: bind({ body: wire.endBody, answer: asked, run: ({ services, identity, id }, { body }) => json(services.requests.supersede(identity, id, body)) }),
  claim: bind({ body: wire.claimBody, answer: wire.claimAnswer, run: ({ services, identity, id }, { body }) => json(services.requests.claim(identity, id, body)) }),
  release: bind({ body: wire.releaseBody, answer: asked, run: ({ services, identity, id }, { body }) => json(services.requests.release(identity, id, body)) }),
  outcome: bind({ body: wire.outcomeBody, answer: asked, run: ({ services, identity, id }, { body }) => json(services.requests.outcome(identity, id, body)) }),
  annotate: bind({
    body: wire.people.annotateBody,
    answer: summary,
    run: ({ services, identity, id }, { body }) => json(services.requests.annotate(identity, id, body)),
  }),
  leases: bind({ body: wire.leaseBody, answer: wire.leaseAnswer, maxBytes: BODY_BYTES.call, run: ({ services, identity }, { body }) => json(services.requests.leases(identity, body)) }),
  ship: bind({ body: wire.recordBody, answer: wire.recordAnswer, maxBytes: BODY_BYTES.rows, run: ({ services, identity }, { body }) => json(services.record.take(identity, body)) }),
  throttle: bind({
    body: wire.throttleBody,
    answer: wire.throttleAnswer,
    maxBytes: BODY_BYTES.call,
    run: ({ services, identity }, { body }) => json(services.throttle.exchange(identity, body)),
  }),
  listGrants: bind({ answer: wire.people.grantList, run: ({ services, identity }) => json(services.grants.list(identity)) }),
  previewGrant: bind({
    body: wire.people.grantPreviewBody,
    answer: wire.people.grantPreview,
    run: ({ services, identity }, { body }) => json(services.grants.preview(identity, body)),
  }),
  revokeGrant: bind({ run: ({ services, identity, id }) => empty(services.grants.revoke(identity, id)) }),
} as const satisfies Partial<Record<RouteName, Bound>>;
