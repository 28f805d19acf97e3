/** What a caller is told where an approver changed the arguments: one more block of text at the end of the tool's own result. */
import { escapeText } from "../approval/escape.ts";

/** More names than this say nothing more. */
const NAMED = 20;

/** The result as the tool gave it, where nothing was changed or there is nowhere to say so. */
export function withEditNotice(result: unknown, changed: readonly string[]): unknown {
  if (changed.length === 0 || result === null || typeof result !== "object") return result;
  const content: unknown = Reflect.get(result, "content");
  if (!Array.isArray(content)) return result;
  return { ...result, content: [...(content as readonly unknown[]), { type: "text", text: noticeText(changed) }] };
}

/** Names alone, and so that none of them can pass for words of ours. */
function noticeText(changed: readonly string[]): string {
  const named = changed.slice(0, NAMED).map((name) => (/^[\w.-]{1,100}$/.test(name) ? name : `"${escapeText(name.slice(0, 100), { quoted: true })}"`));
  const rest = changed.length > NAMED ? ` and ${changed.length - NAMED} more` : "";
  return `Arguments were changed by the approver: ${named.join(", ")}${rest}`;
}
