import { StoreUnavailableError } from "./store-unavailable-error.ts";

/** The answer, or a StoreUnavailableError after this many milliseconds. What comes later is dropped. */
export function answerWithin<T>(answer: Promise<T>, ms: number): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => reject(new StoreUnavailableError("the store does not answer", { maybe: true })), ms);
  answer.then(resolve, reject).finally(() => clearTimeout(timer)).catch(() => undefined);
  return promise;
}
