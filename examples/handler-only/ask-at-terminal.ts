import { escapeText, extractBlockMetadata, promptApproval, renderCall } from "@countersign/sdk";
import type { ApprovalHandler } from "@countersign/sdk";

/** Asks at the terminal. Without one promptApproval denies, and this says what it would have asked. */
export const askAtTerminal: ApprovalHandler = async (error, context) => {
  const decision = await promptApproval(error, context);
  const nobodyThere = typeof decision === "object" && decision.human === false;
  if (!nobodyThere) return decision;
  const call = renderCall(context.call);
  const question = [`Reason: ${escapeText(extractBlockMetadata(error).reason)}`, `Call: ${call.summary}`, ...call.arguments];
  console.log("   There is no terminal to ask at, and silence is a no. You would have been asked:");
  for (const line of question) console.log(`      ${line}`);
  return decision;
};
