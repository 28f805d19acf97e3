/** What the keys do, as the help shows it. */
export const KEY_LIST = [
  { keys: ["j", "k"], does: "Next, previous" },
  { keys: ["Enter"], does: "Open" },
  { keys: ["x"], does: "Select, in the list" },
  { keys: ["a"], does: "Approve" },
  { keys: ["e"], does: "Approve with other arguments" },
  { keys: ["d"], does: "Deny, with a reason" },
  { keys: ["s"], does: "Show what was not shown yet" },
  { keys: ["u"], does: "Back to the list" },
  { keys: ["w", "h"], does: "Waiting, History" },
  { keys: ["p", "i", ","], does: "Policies, Insights, Settings" },
  { keys: ["Ctrl", "s"], does: "Save, in a policy draft" },
  { keys: ["Ctrl", "Space"], does: "Suggestions, in a policy draft" },
  { keys: ["F8"], does: "Next problem, in a policy draft" },
  { keys: ["?"], does: "This list" },
] as const;
