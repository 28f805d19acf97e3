/**
 * A long text with line numbers. Where it is shortened it says by how much; its end is reported as seen only once it was on the
 * screen. Called by argument-view.tsx and for what agents and servers say.
 */
import { memo, useMemo, useRef, useState } from "react";
import { MarkedText, ScriptNote } from "../escaped-text.tsx";
import { Button } from "../button.tsx";
import { count } from "../time-words.ts";
import { LazyRows } from "./lazy-rows.tsx";
import type { Reading } from "./reading.ts";
import { SeenMark } from "./seen-mark.tsx";
import { textLines } from "./text-lines.ts";
import type { TextLine } from "./text-lines.ts";
import { tokensOf } from "./tokens.ts";

export interface TextBlockProps {
  readonly text: string;
  readonly reading: Reading;
  readonly label: string;
  /** Its end was on the screen. */
  readonly onSeen?: () => void;
  /** Under which name its end is looked for. */
  readonly part?: string;
  /** Shown whole, whatever its length. */
  readonly mustOpen?: boolean;
}

const WHOLE_LINES = 40;
const WHOLE_LENGTH = 5000;
const FIRST_LINES = 16;
const LINE_HEIGHT = 20;
const CHARS_PER_LINE = 90;

export const TextBlock = memo(function TextBlock({ text, reading, label, onSeen, part = "", mustOpen = false }: TextBlockProps) {
  const lines = useMemo(() => textLines(text), [text]);
  const [wasOpened, setOpen] = useState(lines.length <= WHOLE_LINES && text.length <= WHOLE_LENGTH);
  const isOpen = wasOpened || mustOpen;
  const end = useRef<HTMLDivElement>(null);
  const first = useMemo(() => firstOf(lines), [lines]);
  const shown = isOpen ? lines : first;
  const isLong = lines.length > 200 || text.length > 20_000;
  return (
    <figure className="text-block" aria-label={label}>
      {isOpen && isLong ? (
        <div className="text-bar small">
          <span className="muted numbers">{sizeWords(lines, text)}</span>
          <Button size="small" tone="quiet" onClick={() => end.current?.scrollIntoView({ block: "center" })}>
            Go to its end
          </Button>
        </div>
      ) : null}
      <pre className="text-lines" data-reading={reading}>
        <LazyRows rows={shown} heightOf={heightOf} render={(line, index) => <Line key={index} line={line} reading={reading} />} />
      </pre>
      {isOpen ? (
        <div ref={end} className="text-end">
          {onSeen === undefined ? null : <SeenMark part={part} onSeen={onSeen} />}
        </div>
      ) : (
        <div className="text-more">
          <Button size="small" onClick={() => setOpen(true)}>
            Show the rest
          </Button>
          <span className="numbers">Not shown yet: {restWords(lines, first, text)}</span>
        </div>
      )}
      <ScriptNote text={text} />
    </figure>
  );
});

function Line({ line, reading }: { readonly line: TextLine; readonly reading: Reading }) {
  if (line.emptyRun > 0) {
    return (
      <span className="text-line text-run">
        <span className="text-number">{line.number}</span>
        <span className="text-content">⋮ {count(line.emptyRun, "empty line")}</span>
      </span>
    );
  }
  return (
    <span className="text-line">
      <span className="text-number" aria-hidden="true">
        {line.number ?? "↳"}
      </span>
      <bdi dir="ltr" className="text-content">
        <Shown shown={line.shown} reading={reading} />
        {line.breaks ? (
          <span className="text-break" aria-hidden="true">
            ↵
          </span>
        ) : null}
      </bdi>
    </span>
  );
}

const EDGES = /^(\s*)([^]*?)(\s*)$/;

/** White space at the edges is given a ground, so that it is seen. */
export function Shown({ shown, reading }: { readonly shown: string; readonly reading: Reading }) {
  const [, before = "", middle = "", after = ""] = EDGES.exec(shown) ?? [];
  return (
    <>
      {before === "" ? null : <span className="edge-space edge-before">{before}</span>}
      {tokensOf(reading, middle).map(({ text, tone }, index) => (
        <span key={index} className={tone === "plain" ? undefined : `tone-${tone}`}>
          <MarkedText shown={text} />
        </span>
      ))}
      {after === "" ? null : <span className="edge-space">{after}</span>}
    </>
  );
}

function firstOf(lines: readonly TextLine[]): readonly TextLine[] {
  let length = 0;
  const first: TextLine[] = [];
  for (const line of lines) {
    if (first.length >= FIRST_LINES || length > WHOLE_LENGTH / 2) break;
    first.push(line);
    length += line.shown.length;
  }
  return first;
}

function heightOf({ shown }: TextLine): number {
  return LINE_HEIGHT * Math.max(1, Math.ceil(shown.length / CHARS_PER_LINE));
}

function sizeWords(lines: readonly TextLine[], text: string): string {
  const last = lines.findLast(({ number }) => number !== null)?.number ?? 1;
  return `${count(last, "line")}, ${count(text.length, "character")}`;
}

function restWords(lines: readonly TextLine[], first: readonly TextLine[], text: string): string {
  const last = lines.findLast(({ number }) => number !== null)?.number ?? 1;
  const reached = first.findLast(({ number }) => number !== null);
  const left = last - (reached?.number ?? 0) - Math.max(0, (reached?.emptyRun ?? 0) - 1);
  const whole = count(text.length, "character");
  return left > 0 ? `${count(left, "line")} of ${last.toLocaleString("en")} (${whole} in all)` : `the rest of a line (${whole} in all)`;
}
