// From gross to net, item by item: a table whose bars only repeat what its numbers say.
import type { ReactNode } from "react";

import type { Stack } from "../api/types";
import { plain } from "../format/words";
import { steps } from "./waterfallSteps";
import { Usd } from "./values";

export function Waterfall({ stack, caption }: { stack: Stack; caption: string }): ReactNode {
  return (
    <table className="waterfall">
      <caption className="unseen">{caption}</caption>
      <tbody>
        {steps(stack).map((step) => (
          <tr key={step.name} className={step.isTotal ? "total" : undefined}>
            <th scope="row">{plain(step.name)}</th>
            <td className="lane">
              <span
                style={{
                  left: `${step.left * 100}%`,
                  width: `${step.width * 100}%`,
                  background: `var(--${step.sign < 0 ? "loss" : step.isTotal ? "gain" : "info"})`,
                }}
              />
            </td>
            <td className="num"><Usd value={step.value} places={4} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Two stacks beside each other, item by item, with what changed. */
export function StackPair({ first, second, names }: { first: Stack; second: Stack; names: readonly [string, string] }): ReactNode {
  const later = new Map<string, string>(second.costs.map((cost) => [cost.kind, cost.value_usd]));
  const rows: { name: string; a: string | null; b: string | null; isTotal?: boolean }[] = [
    { name: "gross_edge", a: first.gross_usd, b: second.gross_usd, isTotal: true },
    ...first.costs.map((cost) => ({ name: cost.kind as string, a: cost.value_usd, b: later.get(cost.kind) ?? null })),
    ...second.costs
      .filter((cost) => !first.costs.some((other) => other.kind === cost.kind))
      .map((cost) => ({ name: cost.kind as string, a: null, b: cost.value_usd })),
    { name: "net_profit", a: first.net_usd, b: second.net_usd, isTotal: true },
  ];
  return (
    <table className="waterfall">
      <caption className="unseen">{names[0]} against {names[1]}</caption>
      <thead>
        <tr><th scope="col">item</th><th scope="col" className="right">{names[0]}</th><th scope="col" className="right">{names[1]}</th></tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.name} className={row.isTotal === true ? "total" : undefined}>
            <th scope="row">{plain(row.name)}</th>
            <td className="num"><Usd value={row.a} places={4} /></td>
            <td className="num"><Usd value={row.b} places={4} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
