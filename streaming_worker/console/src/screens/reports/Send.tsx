import type { ReactNode } from "react";

/** How a report gets to people; sending again is a command of the platform, not of this page. */
export function Send({ date, sentTo }: { date: string; sentTo: number }): ReactNode {
  return (
    <p className="muted small">
      {sentTo === 0 ? "It has not been mailed yet. " : `It was mailed to ${sentTo}. `}
      To mail it by hand: <code>arb report --from {date} --send</code>
    </p>
  );
}
