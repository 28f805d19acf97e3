/** The data of the contract by the names that the screens use. */
import type { people } from "@countersign/sdk/contract";
import type { z } from "zod";

export type RequestSummary = z.infer<typeof people.requestSummary>;
export type RequestDetail = z.infer<typeof people.requestDetail>;
export type Person = z.infer<typeof people.person>;
export type Me = z.infer<typeof people.me>;
