/** How much of a request's time is left, as a ring and in words. Silence is a no at its end. */
import { useId } from "react";
import { durationWords, shortDuration } from "./time-words.ts";
import "./deadline-ring.css";

export interface DeadlineRingProps {
  readonly createdAt: number;
  readonly expiresAt: number;
  /** The control plane's clock. */
  readonly now: number;
  readonly size?: "row" | "large";
}

const CIRCLE = 2 * Math.PI * 15;

export function DeadlineRing({ createdAt, expiresAt, now, size = "row" }: DeadlineRingProps) {
  const id = useId();
  const leftMs = Math.max(0, expiresAt - now);
  const share = Math.min(1, leftMs / Math.max(1, expiresAt - createdAt));
  const urgency = leftMs === 0 ? "over" : leftMs < 60_000 || share < 0.15 ? "soon" : "calm";
  return (
    <span className={`ring ring-${size} ring-${urgency}`} role="img" aria-labelledby={id}>
      <svg viewBox="0 0 36 36" aria-hidden="true">
        <circle className="ring-track" cx="18" cy="18" r="15" />
        <circle className="ring-left" cx="18" cy="18" r="15" strokeDasharray={`${(CIRCLE * share).toFixed(1)} ${CIRCLE.toFixed(1)}`} />
      </svg>
      <span className="ring-words numbers" aria-hidden="true">
        {leftMs === 0 ? "over" : shortDuration(leftMs)}
      </span>
      <span id={id} className="only-read">
        {leftMs === 0 ? "Time is over" : `${durationWords(leftMs)} left`}
      </span>
    </span>
  );
}
