/** What Slack refuses in blocks, as far as messages with buttons go: limits from the Block Kit reference, error texts as the API has them. */

type Fields = Readonly<Record<string, unknown>>;
type Report = (pointer: string, message: string) => void;

/** Problems as in `response_metadata.messages`; none where Slack would take the blocks. */
export function blockProblems(blocks: readonly unknown[]): readonly string[] {
  const problems: string[] = [];
  const report: Report = (pointer, message) => problems.push(`[ERROR] ${message} [json-pointer:${pointer}]`);
  if (blocks.length > 50) report("/blocks", "no more than 50 items allowed");
  const ids = new Set<unknown>();
  for (const [index, block] of blocks.entries()) {
    const at = `/blocks/${index}`;
    const fields = readFields(block, at, report);
    const { block_id: id } = fields;
    if (id !== undefined) {
      checkText(id, 255, `${at}/block_id`, report);
      if (ids.has(id)) report(`${at}/block_id`, "block_id already exists");
      ids.add(id);
    }
    checkBlock(fields, at, report);
  }
  return problems;
}

function checkBlock(fields: Fields, at: string, report: Report): void {
  switch (fields["type"]) {
    case "header":
      checkKeys(fields, ["type", "block_id", "text"], at, report);
      return checkTextObject(fields["text"], 150, ["plain_text"], `${at}/text`, report);
    case "section":
      checkKeys(fields, ["type", "block_id", "text"], at, report);
      return checkTextObject(fields["text"], 3000, ["plain_text", "mrkdwn"], `${at}/text`, report);
    case "actions":
      checkKeys(fields, ["type", "block_id", "elements"], at, report);
      return checkButtons(fields["elements"], `${at}/elements`, report);
    default:
      report(at, `unsupported type: ${String(fields["type"])}`);
  }
}

function checkButtons(elements: unknown, at: string, report: Report): void {
  if (!Array.isArray(elements) || elements.length === 0) return report(at, "must provide an array of at least 1 item");
  if (elements.length > 25) report(at, "no more than 25 items allowed");
  const ids = new Set<unknown>();
  for (const [index, element] of elements.entries()) {
    const here = `${at}/${index}`;
    const fields = readFields(element, here, report);
    checkKeys(fields, ["type", "text", "action_id", "value", "style"], here, report);
    if (fields["type"] !== "button") report(here, `unsupported type: ${String(fields["type"])}`);
    checkTextObject(fields["text"], 75, ["plain_text"], `${here}/text`, report);
    checkText(fields["action_id"], 255, `${here}/action_id`, report);
    if (ids.has(fields["action_id"])) report(`${here}/action_id`, "action_id already exists");
    ids.add(fields["action_id"]);
    if (fields["value"] !== undefined) checkText(fields["value"], 2000, `${here}/value`, report);
    if (fields["style"] !== undefined && fields["style"] !== "primary" && fields["style"] !== "danger") report(`${here}/style`, "invalid style");
  }
}

function checkTextObject(value: unknown, limit: number, types: readonly string[], at: string, report: Report): void {
  const fields = readFields(value, at, report);
  const type = String(fields["type"]);
  if (!types.includes(type)) report(`${at}/type`, `must be one of: ${types.join(", ")}`);
  checkKeys(fields, type === "plain_text" ? ["type", "text", "emoji"] : ["type", "text", "verbatim"], at, report);
  if (fields["emoji"] !== undefined && typeof fields["emoji"] !== "boolean") report(`${at}/emoji`, "must be a valid boolean");
  checkText(fields["text"], limit, `${at}/text`, report);
}

function checkText(value: unknown, limit: number, at: string, report: Report): void {
  if (typeof value !== "string") return report(at, "must be a string");
  if (value.length === 0) report(at, "must be more than 0 characters");
  if (value.length > limit) report(at, `must be less than ${limit + 1} characters`);
}

function checkKeys(fields: Fields, allowed: readonly string[], at: string, report: Report): void {
  for (const key of Object.keys(fields)) if (!allowed.includes(key)) report(at, `additional property: ${key}`);
}

function readFields(value: unknown, at: string, report: Report): Fields {
  // An object that is no list: its members are looked at one by one.
  if (value !== null && typeof value === "object" && !Array.isArray(value)) return value as Fields;
  report(at, "must be an object");
  return {};
}
