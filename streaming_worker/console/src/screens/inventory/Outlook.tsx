// What comes if nothing changes: which balance runs dry when, and whether stable coins keep their peg.
import { NativeSelect } from "@mantine/core";
import { type ReactNode, useState } from "react";

import { useGet } from "../../api/queries";
import type { Pegs, Runways } from "../../api/types";
import { signOf, trimmed } from "../../format/decimal";
import { venueName } from "../../format/words";
import { Empty, Loaded } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { Ago, At, Ms, NOTHING } from "../../parts/values";

type Runway = Runways["items"][number];
type Peg = Pegs["items"][number];

const WINDOWS = [
  { value: "60", label: "last hour" }, { value: "360", label: "last 6 hours" }, { value: "1440", label: "last day" }, { value: "10080", label: "last week" },
];

const RUNWAYS: readonly Column<Runway>[] = [
  { id: "venue", head: "Venue", cell: (row) => <span className="strong">{venueName(row.venue)}</span> },
  { id: "asset", head: "Asset", cell: (row) => row.asset },
  { id: "pace", head: "Each hour", num: true, cell: (row) => <span className={signOf(row.change_per_hour) < 0 ? "warn" : "muted"}>{signOf(row.change_per_hour) > 0 ? "+" : ""}{trimmed(row.change_per_hour, 4)}</span> },
  {
    id: "dry", head: "Runs dry", wrap: true,
    cell: (row) => row.hours_left === null ? <span className="muted">not at this pace</span>
      : <span className={Number(row.hours_left) < 24 ? "loss" : undefined}>in {trimmed(row.hours_left, 1)} h{row.runs_dry_at === null ? null : <span className="small muted"><br /><At at={row.runs_dry_at} date /></span>}</span>,
  },
];

export function RunwayTable(): ReactNode {
  const [minutes, setMinutes] = useState("360");
  const runways = useGet<Runways>("/inventory/runway", { minutes }, { everyMs: 60_000, keep: true });
  return (
    <>
      <div className="filters">
        <NativeSelect className="field" label="Pace of the" data={WINDOWS} value={minutes} onChange={(event) => setMinutes(event.currentTarget.value)} />
      </div>
      <Loaded query={runways}>
        {({ items, as_of }) => items.length === 0 ? <Empty title="No pace yet.">A balance is noted once a minute; two notes make a pace.</Empty> : (
          <>
            <Table caption="How long each balance lasts" columns={RUNWAYS} rows={items} keyOf={(row) => `${row.venue}/${row.asset}`} />
            <p className="muted small">From the recorded minutes, simulated transfers included; <Ago at={as_of} /> old.</p>
          </>
        )}
      </Loaded>
    </>
  );
}

const TONES: Readonly<Record<Peg["state"], string>> = { holds: "good", strained: "warn", broken: "bad", unknown: "plain", assumed: "plain" };

const PEGS: readonly Column<Peg>[] = [
  { id: "asset", head: "Coin", cell: (row) => <span className="strong">{row.asset}/{row.against}</span> },
  { id: "state", head: "Peg", cell: (row) => <span className={`tag ${TONES[row.state]}`}>{row.state}</span> },
  { id: "off", head: "Off par, bps", num: true, cell: (row) => (row.deviation_bps === null ? NOTHING : trimmed(row.deviation_bps, 2)) },
  { id: "book", head: "Bid / ask", num: true, cell: (row) => (row.best_bid === null || row.best_ask === null ? NOTHING : `${trimmed(row.best_bid, 6)} / ${trimmed(row.best_ask, 6)}`) },
  { id: "costs", head: "Costs, bps", num: true, title: "of receiving and of paying it", cell: (row) => `${trimmed(row.receive_cost_bps, 2)} / ${trimmed(row.pay_cost_bps, 2)}` },
  { id: "age", head: "Age", num: true, cell: (row) => <Ms value={row.age_ms} oldFrom={60_000} /> },
];

export function PegTable(): ReactNode {
  const pegs = useGet<Pegs>("/inventory/pegs", {}, { everyMs: 5_000, keep: true });
  return (
    <Loaded query={pegs} rows={2}>
      {({ items }) => items.length === 0 ? <Empty title="No stable coin is used." /> : (
        <>
          <Table caption="Stable coins against par" columns={PEGS} rows={items} keyOf={(row) => `${row.asset}/${row.against}`} />
          <ul className="muted small">{items.map((row) => <li key={`${row.asset}/${row.against}`}>{row.asset}/{row.against}: {row.instrument ?? row.source}</li>)}</ul>
          {items.some((row) => row.state === "assumed") ? <p className="muted small">Assumed: no book of the coin is recorded, so the configured cost is all that is known. Name its instrument in stable_bases to watch it.</p> : null}
        </>
      )}
    </Loaded>
  );
}
