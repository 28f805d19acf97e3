/** A screen that is loaded when somebody goes there: what the waiting view needs comes first, and alone. */
import { Component, lazy, Suspense } from "react";
import type { ComponentType, ReactNode } from "react";
import { Button } from "../part/button.tsx";
import { Notice } from "../part/notice.tsx";

export function later<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  const Loaded = lazy(async () => ({ default: await load() }));
  return function Later(props: P) {
    return (
      <Unloadable>
        <Suspense fallback={null}>
          <Loaded {...props} />
        </Suspense>
      </Unloadable>
    );
  };
}

/** The control plane was replaced meanwhile, or does not answer: the page is loaded anew. */
class Unloadable extends Component<{ readonly children: ReactNode }, { readonly failed: boolean }> {
  override readonly state = { failed: false };

  static getDerivedStateFromError(): { readonly failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <Notice tone="no" title="This screen could not be loaded" live>
        <p>The control plane does not answer, or it is another version now.</p>
        <Button onClick={() => location.reload()}>Load the page anew</Button>
      </Notice>
    );
  }
}
