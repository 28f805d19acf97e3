/** The end of a dialog: why it did not work, the way out, and the button that does it. */
import type { ReactNode } from "react";
import { Button } from "./button.tsx";
import { Notice } from "./notice.tsx";

export interface DialogEndProps {
  readonly problem: string | undefined;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function DialogEnd({ problem, onClose, children }: DialogEndProps) {
  return (
    <>
      {problem === undefined ? null : (
        <Notice tone="no" live>
          {problem}
        </Notice>
      )}
      <div className="dialog-actions">
        <Button onClick={onClose}>Cancel</Button>
        {children}
      </div>
    </>
  );
}
