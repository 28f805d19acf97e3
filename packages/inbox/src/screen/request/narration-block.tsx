/** What agent and server say about the call. It is apart, it looks apart, and nothing in it decides anything or leads anywhere. */
import type { RequestDetail } from "../../api/words.ts";
import { TextBlock } from "../../part/argument-view/text-block.tsx";
import { Panel } from "../../part/panel.tsx";

export function NarrationBlock({ narration, callerReason }: Pick<RequestDetail, "narration" | "callerReason">) {
  const { description, definition } = narration;
  const title = definition === null ? undefined : definition["title"];
  const said = definition === null ? undefined : definition["description"];
  if (description === "" && definition === null && callerReason === null) return null;
  return (
    <Panel title="What agent and server say" tone="claim" part="narration" aside={<span className="claim">not verified, decides nothing</span>}>
      {callerReason === null ? null : <Said by="The agent’s process, as the reason" text={callerReason} />}
      {description === "" ? null : <Said by="The agent, about this call" text={description} />}
      {typeof title === "string" && title !== "" ? <Said by="The server, as the tool’s title" text={title} /> : null}
      {typeof said === "string" && said !== "" ? <Said by="The server, about the tool" text={said} /> : null}
      {definition === null ? null : (
        <details className="bound">
          <summary>The tool’s definition, as the server listed it</summary>
          <TextBlock text={JSON.stringify(definition, null, 2)} reading="json" label="Tool definition" />
        </details>
      )}
    </Panel>
  );
}

function Said({ by, text }: { readonly by: string; readonly text: string }) {
  return (
    <div className="said">
      <h3 className="muted small">{by}</h3>
      <TextBlock text={text} reading="text" label={by} />
    </div>
  );
}
