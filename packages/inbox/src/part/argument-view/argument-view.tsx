/**
 * What would run, from the bound bytes: as a tree, or as the raw text. It shows every character through the SDK's encoder, and
 * reports which parts were on the screen to their ends; approving waits for that. Called by the request screen.
 */
import { Tabs } from "@base-ui/react/tabs";
import { memo } from "react";
import { EscapedText, ScriptNote } from "../escaped-text.tsx";
import { LazyRows } from "./lazy-rows.tsx";
import { READING_WORDS, urlParts } from "./reading.ts";
import type { Reading } from "./reading.ts";
import { SeenMark } from "./seen-mark.tsx";
import { Shown, TextBlock } from "./text-block.tsx";
import { escapeLine } from "./text-lines.ts";
import { RAW_PART, REST_PART } from "./view-parts.ts";
import type { ViewRow } from "./view-rows.ts";
import "./argument-view.css";

export type ArgumentTab = "tree" | "raw";

export interface ArgumentViewProps {
  /** Names this view among others on the screen. */
  readonly place: string;
  readonly rows: readonly ViewRow[];
  readonly rawText: string;
  readonly tab: ArgumentTab;
  readonly onTab: (tab: ArgumentTab) => void;
  /** Long texts that are to be open. */
  readonly opened: ReadonlySet<string>;
  /** A part was on the screen to its end. */
  readonly onSeen: (part: string) => void;
}

export const ArgumentView = memo(function ArgumentView({ place, rows, rawText, tab, onTab, opened, onSeen }: ArgumentViewProps) {
  return (
    <Tabs.Root value={tab} onValueChange={(next) => onTab(next === "raw" ? "raw" : "tree")} className="arguments" data-place={place}>
      <Tabs.List className="tabs" aria-label="How the arguments are shown">
        <Tabs.Tab value="tree" className="tab">
          Values
        </Tabs.Tab>
        <Tabs.Tab value="raw" className="tab">
          Raw text
        </Tabs.Tab>
        <Tabs.Indicator className="tab-mark" />
      </Tabs.List>
      <Tabs.Panel value="tree" className="tree">
        <LazyRows rows={rows} heightOf={() => 26} render={(row) => <Row key={`${row.pointer} ${row.content.kind}`} row={row} isOpen={opened.has(row.pointer)} onSeen={onSeen} />} />
        <SeenMark part={REST_PART} onSeen={() => onSeen(REST_PART)} />
      </Tabs.Panel>
      <Tabs.Panel value="raw">
        <p className="muted small raw-note">The bound text itself (RFC 8785), as it is hashed and kept.</p>
        <TextBlock text={rawText} reading="json" label="Arguments as raw text" part={RAW_PART} onSeen={() => onSeen(RAW_PART)} />
      </Tabs.Panel>
    </Tabs.Root>
  );
});

const Row = memo(function Row({ row, isOpen, onSeen }: { readonly row: ViewRow; readonly isOpen: boolean; readonly onSeen: (part: string) => void }) {
  const { content, depth, key, pointer, after } = row;
  const indent = { paddingInlineStart: `${Math.min(depth, 24) * 14}px` };
  const name = key === undefined ? null : <Key text={key} />;
  if (content.kind === "long") {
    return (
      <div className="tree-row tree-long" style={indent}>
        <div className="tree-head">
          {name}
          <ReadingMark reading={content.reading} />
        </div>
        <TextBlock text={content.text} reading={content.reading} label={`Value of ${key === undefined ? pointer : escapeLine(key)}`} part={pointer} mustOpen={isOpen} onSeen={() => onSeen(pointer)} />
      </div>
    );
  }
  return (
    <div className="tree-row" style={indent}>
      {name}
      {content.kind === "short" ? <ShortText text={content.text} reading={content.reading} after={after} /> : <span className={content.kind === "plain" ? "tone-number" : "tree-brace"}>{content.kind === "plain" ? content.text : content.brace}</span>}
      {after === "" || content.kind === "short" ? null : <span className="tree-after">{after}</span>}
      {content.kind === "short" && content.reading !== "text" && content.reading !== "url" ? <ReadingMark reading={content.reading} /> : null}
    </div>
  );
});

function Key({ text }: { readonly text: string }) {
  return (
    <span className="tree-key">
      <EscapedText text={text} quoted />
      <span className="tree-brace">:</span>
      <ScriptNote text={text} />
    </span>
  );
}

/** `after`: what stands behind the text, on its last line. */
function ShortText({ text, reading, after }: { readonly text: string; readonly reading: Reading; readonly after: string }) {
  return (
    <span className="tree-value">
      {reading === "text" || reading === "url" ? (
        <EscapedText text={text} quoted className="tone-string" />
      ) : (
        <bdi dir="ltr" className="escaped">
          "<Shown shown={escapeLine(text)} reading={reading} />"
        </bdi>
      )}
      {after === "" ? null : <span className="tree-brace">{after}</span>}
      {reading === "url" ? <UrlTable text={text} /> : null}
      <ScriptNote text={text} />
    </span>
  );
}

function UrlTable({ text }: { readonly text: string }) {
  return (
    <span className="url-parts">
      {urlParts(text).map(({ name, text: part }, index) => (
        <span key={index} className={name === "host" ? "url-part url-host" : "url-part"}>
          <span className="url-name">{name}</span> <EscapedText text={part} />
        </span>
      ))}
    </span>
  );
}

function ReadingMark({ reading }: { readonly reading: Reading }) {
  return reading === "text" ? null : <span className="mark mark-plain">{READING_WORDS[reading]}</span>;
}
