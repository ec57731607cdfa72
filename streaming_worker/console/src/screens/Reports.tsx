// What the days came to, for people who were not watching.
import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { useGet } from "../api/queries";
import { useMay } from "../api/session";
import type { Pnl, PnlGroup } from "../api/types";
import { drawn } from "../format/decimal";
import { plain, venueName } from "../format/words";
import { type AddressDoor, useAddress, useLinkTo } from "../parts/address";
import { Chart } from "../parts/Chart";
import { Bars, Kpi } from "../parts/figures";
import { Choice } from "../parts/Filters";
import { RangeField, rangeOf } from "../parts/range";
import { Empty, Loaded, Panel, Screen } from "../parts/states";
import { type Column, Table } from "../parts/Table";
import { ExportMenu } from "../parts/tools";
import { At, Num, Usd } from "../parts/values";
import { StackPair } from "../parts/Waterfall";
import { Compare } from "./reports/Compare";
import { CompareRanges } from "./reports/CompareRanges";
import { Calendar, DataBehind, Days } from "./reports/Days";
import { Decay, Lives } from "./reports/Edges";
import { Mailing, SendButton } from "./reports/Send";

const GROUPS = [
  { value: "day", label: "day" }, { value: "hour", label: "hour" }, { value: "venue", label: "venue" },
  { value: "pair", label: "pair" }, { value: "reason", label: "reason of closing" },
];

export default function Reports(): ReactNode {
  const address = useAddress();
  const range = rangeOf(address.values, "week");
  const maySend = useMay("operator");
  const first = (range.from ?? new Date().toISOString()).slice(0, 10);
  const last = lastDay(range.to);
  return (
    <Screen
      title="Reports"
      lead="Profit and loss of any range, what it was made of, and how good the data behind it was. Every figure is simulated and comes from the record."
      actions={<Button variant="default" onClick={() => print()}>Print or save as PDF</Button>}
    >
      <Panel title="Range" actions={<div className="row">{maySend ? <SendButton first={first} last={last} label="Mail the report of these days" /> : null}<ExportMenu name="pnl" query={{ ...range, group_by: address.values["by"] ?? "day" }} /></div>}>
        <div className="filters">
          <RangeField address={address} preset="week" />
          <Choice address={address} name="by" label="Group by" all="day" isFirst options={GROUPS.slice(1)} />
        </div>
      </Panel>
      <Panel title="The data behind these days" note="as their reports judge it"><DataBehind first={first} last={last} address={address} /></Panel>
      <Profit address={address} />
      <div className="cells">
        <Panel className="w6" title="How fast an edge goes" note="the same trades, sent later"><Decay range={range} /></Panel>
        <Panel className="w6" title="How long opportunities live"><Lives range={range} /></Panel>
        <Panel title="Reports of days, weeks and ranges" note="as they were made and mailed, with the verdict on their data"><Days address={address} /></Panel>
        <Panel className="w5" title="Calendar" note="realised net by UTC day; a click opens its trades"><Calendar /></Panel>
        <Panel className="w7" title="Mailing" note="on schedule and by hand"><Mailing /></Panel>
        <Panel className="w6" title="Two ranges side by side"><CompareRanges address={address} /></Panel>
        <Panel className="w6" title="Two days side by side"><Compare address={address} /></Panel>
      </div>
    </Screen>
  );
}

/** The last UTC day of a range that ends before a moment, or now. */
function lastDay(to: string | undefined): string {
  return new Date((to === undefined ? Date.now() : Date.parse(to)) - 1).toISOString().slice(0, 10);
}

function Profit({ address }: { address: AddressDoor }): ReactNode {
  const by = address.values["by"] ?? "day";
  const linkTo = useLinkTo();
  // a range that is not named is the week here and the day there
  const rows: To = (change) => linkTo("/trades", { range: address.values["range"] ?? "week", ...change });
  const pnl = useGet<Pnl>("/pnl", { ...rangeOf(address.values, "week"), group_by: by }, { keep: true });
  return (
    <Loaded query={pnl} rows={8}>
      {(sums) => (
        <>
          <div className="kpis">
            <Kpi name="Realised net" to={rows({ sort: "-realised_net_usd" })} value={<Usd value={sums.realised_net_usd} arrow />} under={<><At at={sums.from_at} date /> until before <At at={sums.to_at} date /></>} />
            <Kpi name="Largest drawdown" value={<Usd value={sums.max_drawdown_usd} />} under="over trades in their order" />
            <Kpi name="Trades" to={rows({})} value={<Num value={sums.trades} />} under={<Link to={rows({ won: "true" })}>{sums.winning_trades} won</Link>} />
            <Kpi name="Notional" value={<span>$<Num value={sums.notional_usd} /></span>} under={`at ${sums.latency_ms} ms`} />
          </div>
          <div className="cells">
            <Panel className="w7" title={`Realised net by ${by === "reason" ? "reason of closing" : by}`} note="a click on a group opens its rows"><Groups pnl={sums} by={by} rows={(group) => rowsOf(group, by, rows, linkTo)} /></Panel>
            <Panel className="w5" title="Predicted against realised">
              <StackPair first={sums.predicted} second={sums.realised} names={["predicted", "realised"]} />
            </Panel>
          </div>
        </>
      )}
    </Loaded>
  );
}

function nameOf(group: PnlGroup, by: string): ReactNode {
  if (by === "hour") return <At at={group.group} date />;
  if (by === "day") return group.group.slice(0, 10);
  return by === "venue" ? venueName(group.group) : plain(group.group);
}

type To = (change: Readonly<Record<string, string>>) => string;

const STEPS_MS: Readonly<Record<string, number>> = { day: 86_400_000, hour: 3_600_000 };

/** The rows behind a group: trades of its time, venue or pair; the reason of closing belongs to opportunities. */
function rowsOf(group: PnlGroup, by: string, rows: To, linkTo: (path: string, change: Readonly<Record<string, string>>) => string): string {
  if (by === "reason") return linkTo("/opportunities", { view: "closed", close_reason: group.group });
  const step = STEPS_MS[by];
  if (step === undefined) return rows({ [by]: group.group });
  return rows({ range: "custom", from: group.group, to: new Date(Date.parse(group.group) + step).toISOString() });
}

function Groups({ pnl, by, rows }: { pnl: Pnl; by: string; rows: (group: PnlGroup) => string }): ReactNode {
  if (pnl.groups.length === 0) return <Empty title="No simulated trade in this range.">Choose a longer one.</Empty>;
  const isTime = by === "day" || by === "hour";
  const columns: readonly Column<PnlGroup>[] = [
    { id: "group", head: by === "day" ? "day (UTC)" : by, cell: (group) => <Link className="strong" to={rows(group)}>{nameOf(group, by)}</Link> },
    { id: "trades", head: "Trades", num: true, cell: (group) => group.trades },
    { id: "won", head: "Won", num: true, cell: (group) => group.winning_trades },
    { id: "predicted", head: "Predicted", num: true, cell: (group) => <Usd value={group.predicted_net_usd} /> },
    { id: "realised", head: "Realised", num: true, cell: (group) => <Usd value={group.realised_net_usd} arrow /> },
    ...(isTime ? [{ id: "drawdown", head: "Drawdown", num: true, cell: (group: PnlGroup) => <Usd value={group.drawdown_usd} /> }] : []),
  ];
  return (
    <>
      {isTime && pnl.groups.length > 1 ? (
        <Chart
          title="Cumulative realised net" overTime x={pnl.groups.map((group) => Date.parse(group.group) / 1_000)} height={180}
          lines={[
            { label: "cumulative net", colour: "gain", fill: true, values: pnl.groups.map((group) => drawn(group.cumulative_net_usd)), points: pnl.groups.length < 4 },
            { label: "drawdown", colour: "loss", dash: true, values: pnl.groups.map((group) => drawn(group.drawdown_usd)) },
          ]}
          unit={(value) => `$${value.toFixed(Math.abs(value) < 10 ? 2 : 0)}`}
        />
      ) : isTime ? null : (
        <Bars label="Realised net by group" bars={pnl.groups.map((group) => ({
          key: group.group, label: by === "venue" ? venueName(group.group) : plain(group.group), size: drawn(group.realised_net_usd) ?? 0,
          text: <Usd value={group.realised_net_usd} />, ...((drawn(group.realised_net_usd) ?? 0) < 0 ? { tone: "bad" as const } : {}),
        }))} />
      )}
      <Table caption="Groups" columns={columns} rows={[...pnl.groups].reverse()} short keyOf={(group) => group.group} />
    </>
  );
}
