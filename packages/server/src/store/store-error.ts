/** What can go wrong with a store, for whoever maps it to an answer. */
export { StoreError } from "../sql/store-error.ts";
