/** Numbers as the groups of the control plane print them. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Times in microseconds beside a base, both medians. */
export function printTimes(name: string, values: readonly number[], base: number, goal = ""): void {
  const p50 = quantile(values, 0.5);
  console.log(`  ${name.padEnd(58)} ${p50.toFixed(0).padStart(8)} ${quantile(values, 0.99).toFixed(0).padStart(8)} ${(p50 / base).toFixed(2).padStart(6)}×  ${goal}`);
}

export function printHead(title: string, ...columns: readonly string[]): void {
  console.log(title);
  if (columns.length > 0) console.log(`  ${"".padEnd(58)} ${columns.map((one) => one.padStart(8)).join(" ")}`);
}

export function printLine(name: string, value: number, unit: string, digits = 0, goal = ""): void {
  console.log(`  ${name.padEnd(58)} ${value.toFixed(digits).padStart(8)} ${unit}  ${goal}`);
}
