/**
 * The form under which two tool names count as confusable: NFKC, case-folded, without default-ignorable code points and
 * outer white space. A call whose name folds to what a block or throttle policy names is taken as matching it (attack T-name).
 */
export function foldName(name: string): string {
  if (PLAIN.test(name)) return name;
  return name
    .normalize("NFKC")
    .replaceAll(IGNORABLE, "")
    .toUpperCase()
    .toLowerCase()
    .normalize("NFKC")
    .replaceAll(IGNORABLE, "")
    .trim();
}

const PLAIN = /^[a-z0-9_\-./]*$/;
const IGNORABLE = /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}]/gu;
