/**
 * The trusted block: what runs, who asks, why it was held, what a yes means. Everything in it is bound by the request digest or said by
 * the control plane; names that are claims say so. It takes no narration, so none can change it.
 */
import type { Me, Person, RequestDetail } from "../../api/words.ts";
import { ArgumentView } from "../../part/argument-view/argument-view.tsx";
import type { ViewRow } from "../../part/argument-view/view-rows.ts";
import { EscapedText, ScriptNote } from "../../part/escaped-text.tsx";
import { Notice } from "../../part/notice.tsx";
import { Fact, Facts, Panel } from "../../part/panel.tsx";
import { EditedPanel } from "./edited-panel.tsx";
import type { ShownParts } from "../../part/argument-view/use-shown-parts.ts";
import { whatYesMeans } from "./what-yes-means.ts";

export interface TrustedBlockProps {
  readonly request: RequestDetail;
  readonly me: Me;
  readonly people: ReadonlyMap<string, Person>;
  readonly keyNames: ReadonlyMap<string, string>;
  readonly argumentRows: readonly ViewRow[] | undefined;
  readonly contextRows: readonly ViewRow[];
  readonly shownArguments: ShownParts;
  readonly shownContext: ShownParts;
}

export function TrustedBlock({ request, me, people, keyNames, argumentRows, contextRows, shownArguments, shownContext }: TrustedBlockProps) {
  return (
    <div className="trusted" data-part="trusted">
      <Panel title="What runs">
        <p className="what">
          <EscapedText text={request.tool} className="what-tool mono" />
          <span className="muted"> on </span>
          {request.server === null ? "an unknown server" : <EscapedText text={request.server} className="what-server mono" />}
          <ScriptNote text={request.tool} />
          <ScriptNote text={request.server ?? ""} />
        </p>
        {argumentRows === undefined || request.argumentsText === null ? (
          <Notice tone="doubt" title="The arguments were erased">
            Only their digest is left. The record still verifies.
          </Notice>
        ) : (
          <ArgumentView place="arguments" rows={argumentRows} rawText={request.argumentsText} {...viewProps(shownArguments)} />
        )}
        {contextRows.length > 1 && request.contextText !== null ? (
          <details className="bound" open>
            <summary>Context (_meta), bound as well</summary>
            <ArgumentView place="context" rows={contextRows} rawText={request.contextText} {...viewProps(shownContext)} />
          </details>
        ) : null}
        <Bound request={request} />
      </Panel>
      {request.edit === null ? null : <EditedPanel request={request} edit={request.edit} people={people} />}
      <div className="trusted-pair">
        <WhoAsks request={request} people={people} keyNames={keyNames} />
        <WhyHeld request={request} />
      </div>
      <Panel title="What yes means">
        <ul className="means">
          {whatYesMeans(request, me).map(({ key, text, tone }) => (
            <li key={key} className={tone === "doubt" ? "means-doubt" : undefined}>
              {text}
            </li>
          ))}
        </ul>
      </Panel>
    </div>
  );
}

function viewProps({ tab, onTab, opened, onSeen }: ShownParts) {
  return { tab, onTab, opened, onSeen };
}

function Bound({ request }: { readonly request: RequestDetail }) {
  return (
    <details className="bound">
      <summary>What the yes is bound to</summary>
      <Facts>
        <Fact name="Call digest">
          <code>{request.callDigest}</code>
        </Fact>
        <Fact name="Request digest">
          <code>{request.requestDigest}</code>
        </Fact>
        <Fact name="Server identity">
          {request.serverIdentity === null ? "unknown" : <code>{request.serverIdentity}</code>} <span className="muted">({request.transport})</span>
        </Fact>
        <Fact name="Tool definition">{request.definition === null ? "unknown" : <code>{request.definition}</code>}</Fact>
        <Fact name="Policy id">
          <EscapedText text={request.policyId} className="mono" />
        </Fact>
      </Facts>
    </details>
  );
}

function WhoAsks({ request, people, keyNames }: Pick<TrustedBlockProps, "request" | "people" | "keyNames">) {
  const { keyId, ownerId, agent, user, session } = request;
  const owner = ownerId === null ? undefined : people.get(ownerId);
  const keyName = keyNames.get(keyId);
  return (
    <Panel title="Who asks">
      <Facts>
        <Fact name="Agent key">
          {keyName === undefined ? null : (
            <>
              <EscapedText text={keyName} />{" "}
            </>
          )}
          <code className="muted">{keyId}</code>
        </Fact>
        <Fact name="Acts for">{ownerId === null ? "nobody in particular" : owner === undefined ? <code>{ownerId}</code> : <PersonName person={owner} />}</Fact>
        <Fact name="Says it is">
          <EscapedText text={agent} quoted />
          <ScriptNote text={agent} />
          {user === "" ? null : (
            <>
              {" "}
              <span className="muted">for</span> <EscapedText text={user} quoted />
            </>
          )}{" "}
          <span className="claim">claim</span>
        </Fact>
        {session === "" ? null : (
          <Fact name="Session">
            <EscapedText text={session} className="mono small" />
          </Fact>
        )}
      </Facts>
    </Panel>
  );
}

function PersonName({ person }: { readonly person: Person }) {
  return (
    <>
      <EscapedText text={person.name} />
      {person.email === null ? null : (
        <span className="muted">
          {" "}
          <EscapedText text={person.email} />
        </span>
      )}
    </>
  );
}

function WhyHeld({ request }: { readonly request: RequestDetail }) {
  const isOurs = request.heldBy === "document";
  return (
    <Panel title="Why it is held">
      <p>
        {request.reason === "" ? "The policy asks for a person." : <EscapedText text={request.reason} />}
        {isOurs ? null : (
          <>
            {" "}
            <span className="claim">said by the agent’s process</span>
          </>
        )}
      </p>
      <ul className="requirements">
        {request.requirements.map(({ policy, approvers, quorum, assurance, selfApproval, requireReason }) => (
          <li key={policy}>
            <EscapedText text={policy} className="mono" />
            <span className="muted">
              {" "}
              asks for {quorum === 1 ? "one approval" : `${quorum} approvals`} from{" "}
              {approvers.length === 0 ? "any approver" : approvers.map((one, index) => <span key={one}>{index > 0 ? ", " : null}<EscapedText text={one} /></span>)}
              {assurance === "passkey" ? ", with a passkey" : null}
              {selfApproval === false ? ", never for one’s own agent" : null}
              {requireReason ? ", with a reason" : null}
            </span>
          </li>
        ))}
      </ul>
      {request.findingsFull.length === 0 ? null : (
        <ul className="findings">
          {request.findingsFull.map(({ type, where, count = 1 }, index) => (
            <li key={index}>
              <span className="mark">
                <EscapedText text={type} />
              </span>{" "}
              <span className="muted">
                in <EscapedText text={where} className="mono small" />
                {count > 1 ? `, ${count} times` : null}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
