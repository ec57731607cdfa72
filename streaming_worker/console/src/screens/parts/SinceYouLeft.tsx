// What changed since this user was here before; the server keeps when that was.
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { post } from "../../api/client";
import { useGet } from "../../api/queries";
import type { Changes, Visit } from "../../api/types";
import { Panel } from "../../parts/states";
import { Ago, At, Num, Usd } from "../../parts/values";

const HEARTBEAT_MS = 5 * 60_000;

export function SinceYouLeft(): ReactNode {
  const visit = useQuery<Visit>({ queryKey: ["/visit"], queryFn: () => post<Visit>("/visit"), staleTime: HEARTBEAT_MS, refetchInterval: HEARTBEAT_MS });
  const left = visit.data?.left_at ?? null;
  const changes = useGet<Changes>("/changes", { from: left }, { enabled: left !== null, everyMs: 60_000 });
  if (left === null || changes.data === undefined) return null;
  const now = changes.data;
  const lines: readonly [string, ReactNode, string][] = [
    ["opportunities", <><Num value={now.opportunities} />, <Num value={now.real} /> real</>, `/opportunities?view=closed&range=custom&from=${left}`],
    ["simulated trades", <><Num value={now.trades} />, net <Usd value={now.realised_net_usd} arrow /></>, `/trades?range=custom&from=${left}`],
    ["alerts", <Num value={now.alerts} />, "/system"],
    ["gaps", <Num value={now.gaps} />, "/system"],
    ["changes of risk state", <Num value={now.risk_changes} />, "/risk"],
    ["changes of limits and halts", <Num value={now.limit_changes + now.halts} />, "/risk"],
  ];
  return (
    <Panel title="Since you left" note={<>you were here until <At at={left} date />, <Ago at={left} /> ago; counted <Ago at={now.as_of} /> ago from the record</>}>
      <dl className="pairs">
        {lines.map(([name, value, to]) => (
          <div key={name} style={{ display: "contents" }}><dt><Link to={to}>{name}</Link></dt><dd>{value}</dd></div>
        ))}
      </dl>
    </Panel>
  );
}
