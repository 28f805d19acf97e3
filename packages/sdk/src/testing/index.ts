/** For tests: builders of calls and errors, and the contract suites that implementations of our ports run. Needs no test library. */
export { fakeCall, fakeContext, fakeViolation } from "./fake-call.ts";
export type { FakeViolation } from "./fake-call.ts";
export { recordSinkContract } from "./record-sink-contract.ts";
export type { SinkUnderTest, TestRunnerLike } from "./record-sink-contract.ts";
export { policySourceContract } from "./policy-source-contract.ts";
export type { PolicySourceContractOptions, SourceUnderTest } from "./policy-source-contract.ts";
