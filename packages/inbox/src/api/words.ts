/** The data of the contract by the names that the screens use. */
import type { people, RequestState } from "@countersign/sdk/contract";
import type { z } from "zod";

export type RequestSummary = z.infer<typeof people.requestSummary>;
export type RequestDetail = z.infer<typeof people.requestDetail>;
export type Requirement = RequestDetail["requirements"][number];
export type Vote = RequestDetail["votes"][number];
export type Person = z.infer<typeof people.person>;
export type Me = z.infer<typeof people.me>;
export type { RequestState };
