/** What the keys do, as the help shows it. */
export const KEY_LIST = [
  { keys: ["j", "k"], does: "Next, previous" },
  { keys: ["Enter"], does: "Open" },
  { keys: ["x"], does: "Select, in the list" },
  { keys: ["a"], does: "Approve" },
  { keys: ["d"], does: "Deny, with a reason" },
  { keys: ["s"], does: "Show what was not shown yet" },
  { keys: ["u"], does: "Back to the list" },
  { keys: ["w", "h"], does: "Waiting, History" },
  { keys: ["i", ","], does: "Insights, Settings" },
  { keys: ["?"], does: "This list" },
] as const;
