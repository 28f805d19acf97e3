/** Who made a version. */
import { usePeople } from "../../api/directory.ts";
import { EscapedText } from "../../part/escaped-text.tsx";

export function Who({ id }: { readonly id: string }) {
  const people = usePeople();
  if (id === "operator") return <>the operator of this machine</>;
  const person = people.get(id);
  return <EscapedText text={person?.name ?? id} />;
}
