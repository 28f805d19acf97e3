/** An endpoint before which methods that no revision of the protocol has are refused (`unknownMethods: block`, GUARANTEES R6). */
import { isKnownMethod, METHOD_NOT_FOUND, UNKNOWN_METHOD } from "../message/known-methods.ts";
import { answerError } from "./answer-error.ts";
import type { HttpEndpoint } from "./http-endpoint.ts";

export function blockUnknownMethods(endpoint: HttpEndpoint): HttpEndpoint {
  return {
    get sessions() {
      return endpoint.sessions ?? 0;
    },
    async post(exchange) {
      const { message, response } = exchange;
      if ((message.kind !== "request" && message.kind !== "notification") || isKnownMethod(message.method)) return endpoint.post(exchange);
      answerError(response, { status: 404, code: METHOD_NOT_FOUND, reason: UNKNOWN_METHOD, id: message.kind === "request" ? message.id : null });
    },
    get: (exchange) => endpoint.get(exchange),
    delete: (exchange) => endpoint.delete(exchange),
    drain: () => endpoint.drain(),
    close: () => endpoint.close(),
  };
}
