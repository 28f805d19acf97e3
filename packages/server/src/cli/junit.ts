/** Test results as JUnit XML, as CI systems read it (one suite per file of cases). */

export interface CaseResult {
  readonly name: string;
  readonly line: number;
  /** What is wrong, for people; undefined where the case passed. */
  readonly failure: string | undefined;
}

export interface SuiteResult {
  readonly file: string;
  readonly cases: readonly CaseResult[];
}

export function junitXml(suites: readonly SuiteResult[]): string {
  const failed = (cases: readonly CaseResult[]): number => cases.filter(({ failure }) => failure !== undefined).length;
  const all = suites.flatMap(({ cases }) => cases);
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites name="countersign policy test" tests="${all.length}" failures="${failed(all)}">`,
    ...suites.flatMap(({ cases, file }) => [
      `  <testsuite name="${escapeXml(file)}" tests="${cases.length}" failures="${failed(cases)}">`,
      ...cases.map((one) => caseXml(file, one)),
      `  </testsuite>`,
    ]),
    `</testsuites>`,
    "",
  ].join("\n");
}

function caseXml(file: string, { failure, line, name }: CaseResult): string {
  const start = `    <testcase classname="${escapeXml(file)}" name="${escapeXml(name)}" file="${escapeXml(file)}" line="${line}"`;
  if (failure === undefined) return `${start}/>`;
  return `${start}>\n      <failure message="${escapeXml(failure.split("\n")[0] ?? "")}">${escapeXml(failure)}</failure>\n    </testcase>`;
}

/** Characters that XML 1.0 cannot hold, escaped or not, become U+FFFD: one of them makes the whole file unreadable. */
function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
