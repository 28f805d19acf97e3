/** The peer: LangGraph's `interrupt` with its checkpointer on the same PostgreSQL. A run stops at the question and is resumed with the answer. */
import { Annotation, Command, END, interrupt, START, StateGraph } from "@langchain/langgraph";
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres";

export interface Peer {
  /** Answers when the run has stopped and is stored. */
  park(label: string): Promise<string>;
  /** When the code behind the question ran, in `performance.now()`. Nothing of the decision is stored then; it is when this answers. */
  resume(thread: string): Promise<number>;
  close(): Promise<void>;
}

const State = Annotation.Root({ call: Annotation<string>, answer: Annotation<string> });

export async function openLangGraph(url: string): Promise<Peer> {
  const saver = PostgresSaver.fromConnString(url);
  await saver.setup();
  let resumedAt = 0;
  const graph = new StateGraph(State)
    .addNode("ask", ({ call }) => {
      const answer: string = interrupt({ call });
      resumedAt = performance.now();
      return { answer };
    })
    .addEdge(START, "ask")
    .addEdge("ask", END)
    .compile({ checkpointer: saver });
  const configOf = (thread: string) => ({ configurable: { thread_id: thread } });
  return {
    async park(label) {
      await graph.invoke({ call: `${label} ${"x".repeat(540)}` }, configOf(label));
      return label;
    },
    async resume(thread) {
      const { answer } = await graph.invoke(new Command({ resume: "approved" }), configOf(thread));
      if (answer !== "approved") throw new Error("the run was not resumed");
      return resumedAt;
    },
    close: () => saver.end(),
  };
}
