// What the simulated trades would have left where, and what it would take to put it right. Nothing here moves money.
import { Button, NativeSelect } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { post } from "../api/client";
import { cache, useGet } from "../api/queries";
import { useMay } from "../api/session";
import type { Advice, AdviceTransfer, Balance, BalancePoint, BalancePointPage, Inventory, Transfer } from "../api/types";
import { dollars, drawn, signOf, trimmed } from "../format/decimal";
import { age } from "../format/time";
import { venueName } from "../format/words";
import { useLive } from "../live/store";
import { useAddress } from "../parts/address";
import { Chart } from "../parts/Chart";
import { Kpi } from "../parts/figures";
import { Empty, Failed, Loaded, Loading, Panel, Screen } from "../parts/states";
import { type Column, Table } from "../parts/Table";
import { Ago, At, NOTHING, useNow } from "../parts/values";
import { useSay } from "../shell/toasts";
import { PegTable, RunwayTable } from "./inventory/Outlook";

export default function InventoryScreen(): ReactNode {
  const live = useLive<Inventory>("inventory");
  const asked = useGet<Inventory>("/inventory", {}, { everyMs: live === undefined ? 5_000 : 60_000 });
  const inventory = live !== undefined && "balances" in live ? live : asked.data;
  return (
    <Screen title="Inventory" lead="Shadow balances: what each venue would hold if the simulated trades were real, how far that is from its target, and which transfer would put it right.">
      {inventory === undefined ? asked.isError ? <Failed error={asked.error} retry={() => void asked.refetch()} /> : <Loading rows={10} /> : !inventory.is_kept ? (
        <Empty title="No inventory is kept.">Name allocations in the settings; the README lists them.</Empty>
      ) : <Kept inventory={inventory} />}
    </Screen>
  );
}

function Kept({ inventory }: { inventory: Inventory }): ReactNode {
  const low = inventory.balances.filter((balance) => balance.is_low);
  return (
    <>
      <div className="kpis">
        <Kpi name="Worth in all" value={inventory.value_usd === null ? NOTHING : dollars(inventory.value_usd)} under="simulated, at the price now" />
        <Kpi name="Low balances" value={<span className={low.length === 0 ? "gain" : "loss"}>{low.length}</span>}
          under={low.length === 0 ? "all above their floor" : low.map((balance) => `${venueName(balance.venue)} ${balance.asset}`).join(", ")} />
        <Kpi name="On the way" value={inventory.transfers.length} under="simulated transfers" />
        <Kpi name="Advice" value={inventory.advice.length} under={<>as of <Ago at={inventory.as_of} /> ago</>} />
      </div>
      <Panel title="Balances" note="drift is total minus target"><Table caption="Balances by venue and asset" columns={BALANCES} rows={inventory.balances} keyOf={(row) => `${row.venue}/${row.asset}`} /></Panel>
      <div className="cells">
        <Panel className="w6" title="Advice: the cheapest transfers towards the targets"><AdviceList advice={inventory.advice} /></Panel>
        <Panel className="w6" title="On the way">
          {inventory.transfers.length === 0 ? <Empty title="No simulated transfer is on its way." /> : (
            <Table caption="Transfers on the way" columns={TRANSFERS} rows={inventory.transfers} keyOf={(row) => row.transfer_id} />
          )}
        </Panel>
        <Panel className="w6" title="How long it lasts" note="at the pace of the record"><RunwayTable /></Panel>
        <Panel className="w6" title="Stable coins" note="how far from par"><PegTable /></Panel>
        <Panel title="History"><History balances={inventory.balances} /></Panel>
      </div>
    </>
  );
}

/** How far a balance is from its target; more is not better, so it is never green. */
function Drift({ balance }: { balance: Balance }): ReactNode {
  const sign = signOf(balance.drift);
  const tone = balance.is_low ? "loss" : sign === 0 ? "muted" : "info";
  const mark = sign < 0 ? "\u25bc " : sign > 0 ? "\u25b2 +" : "";
  return (
    <span className={tone}>
      <span aria-hidden="true">{mark}</span>{trimmed(balance.drift, 4)}
      {balance.drift_percent === null ? "" : ` (${trimmed(balance.drift_percent, 1)} %)`}
    </span>
  );
}

const BALANCES: readonly Column<Balance>[] = [
  { id: "venue", head: "Venue", cell: (row) => <span className="strong">{venueName(row.venue)}</span> },
  { id: "asset", head: "Asset", cell: (row) => row.asset },
  { id: "total", head: "Total", num: true, cell: (row) => trimmed(row.total, 4) },
  { id: "drift", head: "Drift", num: true, cell: (row) => <Drift balance={row} /> },
  { id: "reserved", head: "Reserved", num: true, cell: (row) => trimmed(row.reserved, 4) },
  { id: "free", head: "Free", num: true, cell: (row) => trimmed(row.free, 4) },
  { id: "target", head: "Target", num: true, cell: (row) => trimmed(row.target, 4) },
  { id: "low", head: "Floor", num: true, cell: (row) => <>{trimmed(row.low, 4)}{row.is_low ? <span className="loss"> low</span> : null}</> },
  { id: "arriving", head: "Arriving", num: true, cell: (row) => trimmed(row.arriving, 4) },
  { id: "value", head: "Worth", num: true, cell: (row) => (row.value_usd === null ? NOTHING : dollars(row.value_usd)) },
];

const TRANSFERS: readonly Column<Transfer>[] = [
  { id: "way", head: "Way", cell: (row) => <>{venueName(row.source)} {"\u2192"} {venueName(row.destination)}</> },
  { id: "amount", head: "Amount", num: true, cell: (row) => `${trimmed(row.amount, 4)} ${row.asset}` },
  { id: "fee", head: "Fee", num: true, cell: (row) => trimmed(row.fee, 6) },
  { id: "arrives", head: "Arrives", cell: (row) => <At at={row.arrives_at} /> },
];

const STEPS: readonly Column<AdviceTransfer>[] = [
  { id: "way", head: "Way", cell: (row) => <>{venueName(row.source)} {"\u2192"} {venueName(row.destination)}</> },
  { id: "amount", head: "Amount", num: true, cell: (row) => `${trimmed(row.amount, 4)} ${row.asset}` },
  { id: "fee", head: "Fee", num: true, cell: (row) => `${trimmed(row.fee, 6)} ${row.asset}` },
  { id: "time", head: "Takes", num: true, cell: (row) => age(row.duration_ms) },
];

function AdviceList({ advice }: { advice: readonly Advice[] }): ReactNode {
  const mayAct = useMay("operator");
  const say = useSay();
  const seen = useMutation({
    mutationFn: (id: string) => post(`/inventory/advice/${encodeURIComponent(id)}/ack`),
    onSuccess: () => {
      say.done("Noted as seen.");
      void cache.invalidateQueries({ queryKey: ["/inventory"] });
    },
    onError: (error) => say.failed(error),
  });
  if (advice.length === 0) return <Empty title="Nothing to move.">Every balance is close enough to its target.</Empty>;
  return (
    <ul className="stack">
      {advice.map((one) => (
        <li key={one.advice_id} className="stack tight">
          <div className="row between">
            <strong>{one.assets.join(", ")}</strong>
            <span className="muted small">
              costs {one.cost_usd === null ? "?" : dollars(one.cost_usd)}; waiting costs {one.cost_of_waiting_usd === null ? "?" : dollars(one.cost_of_waiting_usd)}; takes {age(one.duration_ms)}
            </span>
          </div>
          {one.transfers.length === 0 ? <p className="muted">No transfer helps: {trimmed(one.uncovered, 4)} stays missing.</p> : <Table caption={`Transfers for ${one.assets.join(", ")}`} columns={STEPS} rows={one.transfers} keyOf={(row) => `${row.source}${row.destination}${row.asset}`} />}
          {one.acknowledged !== null ? <p className="muted small">seen by {one.acknowledged.actor}, <At at={one.acknowledged.at} date /></p>
            : mayAct ? <div className="row"><Button variant="default" loading={seen.isPending} onClick={() => seen.mutate(one.advice_id)}>Mark as seen</Button></div> : null}
        </li>
      ))}
    </ul>
  );
}

const COLOURS = ["gain", "info", "warn", "loss", "text"];

const COURSES = [{ value: "total", label: "balance" }, { value: "drift", label: "drift from target" }];

function History({ balances }: { balances: readonly Balance[] }): ReactNode {
  const address = useAddress();
  const assets = [...new Set(balances.map((balance) => balance.asset))];
  const asset = address.values["asset"] ?? assets[0] ?? "";
  const course = address.values["course"] === "drift" ? "drift" : "total";
  const from = new Date(Math.floor(useNow() / 3_600_000) * 3_600_000 - 23 * 3_600_000).toISOString();
  const history = useGet<BalancePointPage>("/inventory/history", { asset, from, limit: 500 }, { enabled: asset !== "", keep: true, everyMs: 60_000 });
  return (
    <>
      <div className="filters">
        <NativeSelect className="field" label="Asset" data={assets} value={asset} data-key="filter" onChange={(event) => address.set({ asset: event.currentTarget.value })} />
        <NativeSelect className="field" label="Line" data={COURSES} value={course} onChange={(event) => address.set({ course: event.currentTarget.value })} />
      </div>
      <Loaded query={history}>{({ items }) => <Lines points={items} asset={asset} course={course} />}</Loaded>
    </>
  );
}

function Lines({ points, asset, course }: { points: readonly BalancePoint[]; asset: string; course: "total" | "drift" }): ReactNode {
  if (points.length < 2) return <Empty title="No history yet.">A balance is noted once a minute.</Empty>;
  const times = [...new Set(points.map((point) => point.at))].sort();
  const venues = [...new Set(points.map((point) => point.venue))].sort();
  const known = new Map(points.map((point) => [`${point.venue}/${point.at}`, point[course]]));
  return (
    <Chart
      title={course === "drift" ? `${asset} by venue, drift from target over the last day` : `${asset} by venue over the last day`}
      overTime
      x={times.map((at) => Date.parse(at) / 1_000)}
      lines={venues.map((venue, index) => ({
        label: venueName(venue), colour: COLOURS[index % COLOURS.length] ?? "text", steps: true,
        values: times.map((at) => drawn(known.get(`${venue}/${at}`))),
      }))}
      unit={(value) => trimmed(value.toFixed(2), 2)}
    />
  );
}
