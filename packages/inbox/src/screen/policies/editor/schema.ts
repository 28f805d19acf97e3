/** A walk through a JSON Schema by the keys of a document. Knows as much of JSON Schema as the policy document's own uses. Pure. */

type Plain = string | number | boolean;

export interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly Plain[];
  readonly const?: Plain;
}

/** Every schema that what stands under these keys may meet. Lists are walked through. */
export function schemasAt(root: Schema, path: readonly string[]): readonly Schema[] {
  return path.reduce<readonly Schema[]>((schemas, key) => schemas.flatMap((schema) => below(schema, key)), [root]);
}

function below(schema: Schema, key: string): readonly Schema[] {
  return branchesOf(schema).flatMap((branch) => {
    const own = branch.properties?.[key];
    if (own !== undefined) return [own];
    return typeof branch.additionalProperties === "object" ? [branch.additionalProperties] : [];
  });
}

/** The ways in which a value may be written; of a list, its items. */
export function branchesOf(schema: Schema): readonly Schema[] {
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap(branchesOf);
  return schema.items === undefined ? [schema] : branchesOf(schema.items);
}

/** The values that are listed. */
export function valuesOf(schema: Schema): readonly string[] {
  if (schema.const !== undefined) return [String(schema.const)];
  if (schema.enum !== undefined) return schema.enum.map(String);
  return schema.type === "boolean" ? ["true", "false"] : [];
}

export function isList(schema: Schema): boolean {
  return schema.type === "array" || (schema.anyOf?.every(isList) ?? false);
}

export function isMap(schema: Schema): boolean {
  return schema.type === "object" || (schema.anyOf?.some((one) => one.type === "object") ?? false);
}

/** What is known of the key that the path ends in. */
export function describe(root: Schema, path: readonly string[]): { readonly description: string; readonly values: readonly string[] } | undefined {
  const schemas = schemasAt(root, path);
  if (path.length === 0 || schemas.length === 0) return undefined;
  const description = schemas.find((schema) => schema.description !== undefined)?.description ?? "";
  const values = [...new Set(schemas.flatMap(branchesOf).flatMap(valuesOf))];
  return description === "" && values.length === 0 ? undefined : { description, values };
}
