// From an opportunity to a rule: tell me when this route shows such an edge again.
import { Button, Modal, NativeSelect, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { post } from "../../api/client";
import { cache } from "../../api/queries";
import { useMay } from "../../api/session";
import type { AlertRule, NewAlertRule, Opportunity } from "../../api/types";
import { drawn, trimmed } from "../../format/decimal";
import { venueName } from "../../format/words";
import { useSay } from "../../shell/toasts";

type Route = Pick<Opportunity, "instrument" | "pool" | "direction" | "buy_venue" | "sell_venue" | "net_edge_bps">;
type Of = "route" | "market" | "any";

const EDGE = /^\d{1,4}(\.\d{1,2})?$/;
const SECONDS = /^\d{1,4}(\.\d{1,3})?$/;
const SEVERITIES = ["info", "warning", "critical"] as const;
const PAUSES = [{ value: "60", label: "a minute" }, { value: "600", label: "ten minutes" }, { value: "3600", label: "an hour" }, { value: "86400", label: "a day" }];
const ENDS = [{ value: "", label: "never" }, { value: "8", label: "in 8 hours" }, { value: "24", label: "in a day" }, { value: "168", label: "in a week" }, { value: "720", label: "in 30 days" }];

export type { Route as RuleRoute };

/** Opens the form; nothing for who may not make rules. The form stands elsewhere: a row may go while it is filled in. */
export function RuleButton({ of, onOpen }: { of: Route; onOpen: (of: Route) => void }): ReactNode {
  const may = useMay("operator");
  if (!may) return null;
  const name = `Alert on ${venueName(of.buy_venue)} to ${venueName(of.sell_venue)}`;
  return <Button size="compact-xs" variant="default" onClick={() => onOpen(of)} aria-label={name}>Alert{"\u2026"}</Button>;
}

export function RuleForm({ of, onClose }: { of: Route; onClose: () => void }): ReactNode {
  const say = useSay();
  const [scope, setScope] = useState<Of>("route");
  const [edge, setEdge] = useState(suggested(of.net_edge_bps));
  const [seconds, setSeconds] = useState("0");
  const [severity, setSeverity] = useState<NewAlertRule["severity"]>("info");
  const [pause, setPause] = useState("600");
  const [end, setEnd] = useState("168");
  const isReady = EDGE.test(edge) && SECONDS.test(seconds) && Number(seconds) <= 3_600;
  const make = useMutation({
    mutationFn: () => post<AlertRule>("/alerts/rules", {
      ...(scope === "any" ? {} : { instrument: of.instrument }),
      ...(scope === "route" ? { pool: of.pool, direction: of.direction } : {}),
      least_edge_bps: edge, open_ms: Math.round(Number(seconds) * 1_000), severity, cooldown_s: Number(pause),
      ...(end === "" ? {} : { hours: Number(end) }),
    } satisfies NewAlertRule),
    onSuccess: () => {
      say.done("The rule holds from now on. Settings lists it.");
      void cache.invalidateQueries({ queryKey: ["/alerts/rules"] });
      onClose();
    },
    onError: (error) => say.failed(error),
  });
  return (
    <Modal opened onClose={onClose} title="Tell people of such an opportunity" closeButtonProps={{ "aria-label": "Close" }}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); if (isReady) make.mutate(); }}>
        <NativeSelect label="Of" size="sm" value={scope} onChange={(event) => setScope(event.currentTarget.value as Of)} data={[
          { value: "route", label: `${venueName(of.buy_venue)} \u2192 ${venueName(of.sell_venue)}, ${of.instrument}` },
          { value: "market", label: `${of.instrument}, either way and any pool` },
          { value: "any", label: "every route" },
        ]} />
        <TextInput label="Net edge of at least, bps" size="sm" inputMode="decimal" value={edge} required data-autofocus error={EDGE.test(edge) ? null : "a number as in 25 or 12.5"}
          onChange={(event) => setEdge(event.currentTarget.value.trim())} />
        <TextInput label="Open for at least, seconds" size="sm" inputMode="decimal" value={seconds} required error={SECONDS.test(seconds) ? null : "a number up to 3600"}
          onChange={(event) => setSeconds(event.currentTarget.value.trim())} />
        <div className="row">
          <NativeSelect label="Severity" size="sm" value={severity} data={[...SEVERITIES]} onChange={(event) => setSeverity(event.currentTarget.value as NewAlertRule["severity"])} />
          <NativeSelect label="At most once in" size="sm" value={pause} data={PAUSES} onChange={(event) => setPause(event.currentTarget.value)} />
          <NativeSelect label="The rule ends" size="sm" value={end} data={ENDS} onChange={(event) => setEnd(event.currentTarget.value)} />
        </div>
        <p className="muted small">It goes to every alert channel that takes this severity, with the rules of quiet hours. Simulated opportunities only: nothing is traded.</p>
        <div className="row end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" disabled={!isReady} loading={make.isPending}>Make the rule</Button>
        </div>
      </form>
    </Modal>
  );
}

/** The edge of the row, down to the whole basis point; never below one. */
function suggested(edge: string | null): string {
  return edge === null || (drawn(edge) ?? 0) < 1 ? "1" : (trimmed(edge, 2).replaceAll(/[^\d.]/g, "").split(".")[0] ?? "1");
}
