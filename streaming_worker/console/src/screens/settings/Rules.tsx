import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { patch, remove } from "../../api/client";
import { cache, useGet } from "../../api/queries";
import { useMay } from "../../api/session";
import type { AlertRule, AlertRules } from "../../api/types";
import { age } from "../../format/time";
import { plain } from "../../format/words";
import { Empty, Loaded } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { At, Bps, NOTHING, State } from "../../parts/values";
import { useSay } from "../../shell/toasts";

function about(rule: AlertRule): string {
  if (rule.instrument === null) return "every route";
  return rule.direction === null ? rule.instrument : `${rule.instrument}, ${plain(rule.direction)}`;
}

function state(rule: AlertRule): string {
  if (rule.expires_at !== null && Date.parse(rule.expires_at) <= Date.now()) return "over";
  return rule.is_on ? "active" : "off";
}

/** The rules that people made from opportunities; operators turn them off and forget them. */
export function Rules(): ReactNode {
  const say = useSay();
  const may = useMay("operator");
  const rules = useGet<AlertRules>("/alerts/rules", {}, { everyMs: 30_000 });
  const change = useMutation({
    mutationFn: async ({ rule, isOn }: { rule: AlertRule; isOn: boolean | null }) => {
      if (isOn === null) await remove(`/alerts/rules/${rule.rule_id}`);
      else await patch(`/alerts/rules/${rule.rule_id}`, { is_on: isOn });
    },
    onSuccess: () => void cache.invalidateQueries({ queryKey: ["/alerts/rules"] }),
    onError: (error) => say.failed(error),
  });
  const columns: readonly Column<AlertRule>[] = [
    { id: "about", head: "Of", cell: (row) => <span className="strong" title={row.pool ?? undefined}>{about(row)}</span> },
    { id: "edge", head: "Net edge from, bps", num: true, cell: (row) => <Bps value={row.least_edge_bps} /> },
    { id: "open", head: "Open for", num: true, cell: (row) => age(row.open_ms) },
    { id: "severity", head: "Severity", cell: (row) => row.severity },
    { id: "state", head: "State", cell: (row) => <State state={state(row)} /> },
    { id: "fired", head: "Told last", cell: (row) => (row.fired_at === null ? "never" : <At at={row.fired_at} date />) },
    { id: "ends", head: "Ends", cell: (row) => (row.expires_at === null ? NOTHING : <At at={row.expires_at} date />) },
    { id: "actor", head: "Made by", cell: (row) => row.actor },
    ...(may ? [{
      id: "do", head: "",
      cell: (row: AlertRule) => (
        <span className="row nowrap">
          <Button size="compact-xs" variant="default" aria-label={`Turn the rule of ${about(row)} ${row.is_on ? "off" : "on"}`} onClick={() => change.mutate({ rule: row, isOn: !row.is_on })}>{row.is_on ? "Turn off" : "Turn on"}</Button>
          <Button size="compact-xs" variant="default" aria-label={`Forget the rule of ${about(row)}`} onClick={() => change.mutate({ rule: row, isOn: null })}>Forget</Button>
        </span>
      ),
    }] : []),
  ];
  return (
    <Loaded query={rules}>
      {({ items }) => items.length === 0 ? (
        <Empty title="No rule yet.">{may ? "Opportunities makes one: Alert\u2026 in a row." : "Operators make them from a row of Opportunities."}</Empty>
      ) : <Table caption="Alert rules" columns={columns} rows={items} short keyOf={(row) => row.rule_id} />}
    </Loaded>
  );
}
