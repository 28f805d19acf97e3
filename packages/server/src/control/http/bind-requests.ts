/** Routes about requests, grants, and what agents' processes exchange. */
import * as wire from "@countersign/sdk/wire";
import type { RouteName } from "@countersign/sdk/wire";
import { z } from "zod";
import type { Identity } from "../../auth/identity.ts";
import { bind, empty, json, one } from "./binding.ts";
import type { Bound } from "./binding.ts";
import { BODY_BYTES } from "./limits.ts";

const askedQuery = z.object({ waitMs: z.coerce.number().int().min(0).optional(), rev: z.coerce.number().int().min(0).optional() });

function request(said: { readonly request: object }): object {
  return said.request;
}

/** A token is what a person's command line holds; everything else comes from the pages. */
function channelOf(identity: Identity): string {
  return identity.kind === "person" && identity.via === "token" ? "terminal" : "inbox";
}

export const REQUEST_BINDINGS = {
  bundle: bind({
    answer: wire.bundle,
    run: async ({ resources, identity, ifNoneMatch }) => {
      const said = await resources.bundle.read(identity);
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
    run: async ({ resources, identity }, { body }) => {
      const said = await resources.requests.ask(identity, body);
      return said.ok ? { kind: "json", body: { request: said.request, created: said.created }, status: said.created ? 201 : 200 } : said;
    },
  }),
  listRequests: bind({
    query: wire.people.requestListQuery,
    answer: wire.people.requestList,
    run: ({ resources, identity }, { query }) => json(resources.requests.list(identity, query)),
  }),
  readRequest: bind({ answer: wire.people.requestDetail, run: ({ resources, identity, id }) => one(resources.requests.read(identity, id), request) }),
  readAsked: bind({
    query: askedQuery,
    answer: wire.askedRequest,
    run: ({ resources, identity, id, signal, maxWaitMs }, { query: { waitMs = 0, rev } }) =>
      one(resources.requests.asked(identity, id, { waitMs: Math.min(waitMs, maxWaitMs), rev, signal }), request),
  }),
  vote: bind({
    body: wire.people.voteBody,
    answer: wire.people.requestSummary,
    run: ({ resources, identity, id }, { body }) => one(resources.requests.vote(identity, id, body, channelOf(identity)), request),
  }),
  edit: bind({
    body: wire.people.editBody,
    answer: wire.people.requestSummary,
    maxBytes: BODY_BYTES.call,
    run: ({ resources, identity, id }, { body }) => one(resources.requests.edit(identity, id, body, channelOf(identity)), request),
  }),
  readEdit: bind({ answer: wire.editAnswer, run: ({ resources, identity, id }) => json(resources.requests.readEdit(identity, id)) }),
  cancel: bind({ body: wire.endBody, answer: wire.askedRequest, run: ({ resources, identity, id }, { body }) => one(resources.requests.cancel(identity, id, body), request) }),
  supersede: bind({ body: wire.endBody, answer: wire.askedRequest, run: ({ resources, identity, id }, { body }) => one(resources.requests.supersede(identity, id, body), request) }),
  claim: bind({ body: wire.claimBody, answer: wire.claimAnswer, run: ({ resources, identity, id }, { body }) => json(resources.requests.claim(identity, id, body)) }),
  release: bind({ body: wire.releaseBody, answer: wire.askedRequest, run: ({ resources, identity, id }, { body }) => one(resources.requests.release(identity, id, body), request) }),
  outcome: bind({ body: wire.outcomeBody, answer: wire.askedRequest, run: ({ resources, identity, id }, { body }) => one(resources.requests.outcome(identity, id, body), request) }),
  annotate: bind({
    body: wire.people.annotateBody,
    answer: wire.people.requestSummary,
    run: ({ resources, identity, id }, { body }) => one(resources.requests.annotate(identity, id, body), request),
  }),
  leases: bind({ body: wire.leaseBody, answer: wire.leaseAnswer, maxBytes: BODY_BYTES.call, run: ({ resources, identity }, { body }) => json(resources.requests.leases(identity, body)) }),
  ship: bind({ body: wire.recordBody, answer: wire.recordAnswer, maxBytes: BODY_BYTES.rows, run: ({ resources, identity }, { body }) => json(resources.record.take(identity, body)) }),
  throttle: bind({
    body: wire.throttleBody,
    answer: wire.throttleAnswer,
    maxBytes: BODY_BYTES.call,
    run: ({ resources, identity }, { body }) => json(resources.throttle.exchange(identity, body)),
  }),
  listGrants: bind({ answer: wire.people.grantList, run: ({ resources, identity }) => json(resources.grants.list(identity)) }),
  previewGrant: bind({
    body: wire.people.grantPreviewBody,
    answer: wire.people.grantPreview,
    run: ({ resources, identity }, { body }) => json(resources.grants.preview(identity, body)),
  }),
  revokeGrant: bind({ run: ({ resources, identity, id }) => empty(resources.grants.revoke(identity, id)) }),
} as const satisfies Partial<Record<RouteName, Bound>>;
