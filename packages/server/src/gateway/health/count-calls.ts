/**
 * What a gateway counts of its calls: how many, with which end, how long, and how many wait for people. Seen through the port that watches
 * calls, so every call through guard is counted and nothing changes for it. Labels are names of servers and our own codes: never an
 * argument, an agent, a tool.
 */
import type { AskPort, Governance } from "@countersign/sdk/enforcement";
import { wholeOf } from "../call/waiting.ts";
import type { Labels, Metrics } from "../../metrics/metrics.ts";
import { CANARY_SERVER } from "./canary.ts";

export interface CallCounts {
  /** The same governance, whose calls are counted. */
  readonly around: (governance: Governance) => Governance;
  /** Calls that wait for people now. */
  readonly held: number;
  /** Calls under way. */
  readonly open: number;
}

type Story = Parameters<Governance["ports"]["observe"]["begin"]>[0];

const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300];
/** Names of servers that are told apart: one more is a fault elsewhere, and no reason to fill the memory. */
const MAX_SERVERS = 1_000;

export function countCalls(metrics: Metrics): CallCounts {
  const calls = metrics.counter("countersign_gateway_calls_total", "Tool calls by server and how they ended: ran, tool_error, outcome_unknown, pending, or the code of their refusal");
  const took = metrics.histogram("countersign_gateway_call_seconds", "From a tool call's arrival to its end here, by server and whether people were asked", SECONDS);
  const upstream = metrics.histogram("countersign_gateway_upstream_seconds", "From sending a tool call to the server's answer, by server", SECONDS);
  const servers = new Map<string, ServerLabels>();
  const others = labelsOf("");
  let held = 0;
  let open = 0;
  metrics.gauge("countersign_gateway_held_calls", "Tool calls that wait for people", () => [[{}, held]]);
  metrics.gauge("countersign_gateway_open_calls", "Tool calls under way", () => [[{}, open]]);

  function serverOf({ proposed }: Story): ServerLabels {
    const name = proposed.server.name ?? "";
    const known = servers.get(name);
    if (known !== undefined) return known;
    if (servers.size >= MAX_SERVERS) return others;
    const labels = labelsOf(name);
    servers.set(name, labels);
    return labels;
  }

  function count(story: Story): void {
    if (story.proposed.server.name === CANARY_SERVER) return;
    const labels = serverOf(story);
    calls.add(labels.ended(outcomeOf(story)));
    took.observe((performance.now() - story.startedAt) / 1_000, story.question === undefined ? labels.passed : labels.asked);
    if (story.execution !== undefined) upstream.observe(story.execution.elapsedMs / 1_000, labels.alone);
  }

  function askCounted(ask: AskPort): AskPort {
    return {
      ...wholeOf(ask),
      async wait(request, options) {
        held += 1;
        try {
          return await ask.wait(request, options);
        } finally {
          held -= 1;
        }
      },
    };
  }

  return {
    around(governance) {
      const { observe } = governance.ports;
      const begin: typeof observe.begin = (story) => {
        const inner = observe.begin(story);
        open += 1;
        return {
          carrier: inner.carrier,
          run: (fn) => inner.run(fn),
          end(ended) {
            open -= 1;
            count(ended);
            inner.end(ended);
          },
        };
      };
      return {
        ...governance,
        ports: { ...governance.ports, observe: { begin } },
        askWith(handler) {
          const ask = governance.askWith(handler);
          return ask === undefined ? undefined : askCounted(ask);
        },
      };
    },
    get held() {
      return held;
    },
    get open() {
      return open;
    },
  };
}

/** Made once for each server: with every call they would cost more than the decision. */
interface ServerLabels {
  readonly alone: Labels;
  readonly passed: Labels;
  readonly asked: Labels;
  readonly ended: (outcome: string) => Labels;
}

function labelsOf(server: string): ServerLabels {
  const ends = new Map<string, Labels>();
  return {
    alone: { server },
    passed: { server, held: "no" },
    asked: { server, held: "yes" },
    ended(outcome) {
      const known = ends.get(outcome) ?? { server, outcome };
      ends.set(outcome, known); // outcomes are our own codes, and few
      return known;
    },
  };
}

function outcomeOf({ refusal, execution }: Story): string {
  if (execution !== undefined) return execution.outcome === "outcome_unknown" ? execution.outcome : execution.isError || execution.outcome === "failed" ? "tool_error" : "ran";
  return refusal?.code ?? "pending";
}
