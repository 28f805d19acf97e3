/** What the keys do, as the help shows it. */
export const KEY_LIST = [
  { keys: ["j", "k"], does: "Next, previous" },
  { keys: ["Enter"], does: "Open" },
  { keys: ["x"], does: "Select, in the list" },
  { keys: ["a"], does: "Approve" },
  { keys: ["d"], does: "Deny, with a reason" },
  { keys: ["s"], does: "Show what was not shown yet" },
  { keys: ["u"], does: "Back to the list" },
  { keys: ["p"], does: "Policies" },
  { keys: ["Ctrl", "s"], does: "Save, in a policy draft" },
  { keys: ["Ctrl", "Space"], does: "Suggestions, in a policy draft" },
  { keys: ["F8"], does: "Next problem, in a policy draft" },
  { keys: ["w", "h"], does: "Waiting, History" },
  { keys: ["?"], does: "This list" },
] as const;
