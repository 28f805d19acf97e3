/** A button. One that may not be used says why, to everybody. */
import type { ButtonHTMLAttributes, ReactNode } from "react";
import "./button.css";

export interface ButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "disabled"> {
  readonly tone?: "plain" | "yes" | "no" | "main" | "quiet";
  readonly size?: "normal" | "large" | "small";
  /** Why it may not be used now; undefined where it may. It stays reachable, so that the reason can be read. */
  readonly whyNot?: string | undefined;
  readonly busy?: boolean;
  /** The key that does the same. */
  readonly hotkey?: string;
  readonly children: ReactNode;
}

export function Button({ tone = "plain", size = "normal", whyNot, busy = false, hotkey, onClick, className = "", children, type = "button", ...rest }: ButtonProps) {
  const isOff = whyNot !== undefined || busy;
  return (
    <button
      {...rest}
      type={type === "submit" && isOff ? "button" : type}
      className={`button button-${tone} button-${size} ${className}`}
      aria-disabled={isOff}
      aria-busy={busy}
      aria-keyshortcuts={hotkey}
      title={whyNot ?? rest.title}
      onClick={(event) => {
        if (!isOff) onClick?.(event);
      }}
    >
      <span>{children}</span>
      {hotkey === undefined ? null : <kbd aria-hidden="true">{hotkey}</kbd>}
    </button>
  );
}
