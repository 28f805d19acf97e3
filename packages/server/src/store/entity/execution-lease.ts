/** News from whoever runs a claimed call. Renewed without a row of the record; when it ends, nobody knows the outcome. */
export interface ExecutionLease {
  readonly requestId: string;
  readonly epoch: number;
  readonly until: number;
}

/** Tokens that the instances of one throttle have taken, shared late by one refresh interval. */
export interface ThrottleCounter {
  readonly policy: string;
  readonly key: string;
  readonly tokens: number;
  readonly at: number;
}

/** The last batch of rows that was taken from one process of one agent's key; its id names both. */
export interface ShippedBatch {
  readonly batch: number;
  readonly at: number;
}
