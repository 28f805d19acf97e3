/** Plain JSON data, as RFC 8259 knows it. Everything that is bound, shown, recorded and sent is of this type. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A JSON object. A key that is absent is absent: `undefined` never occurs as a value. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}
