import type { Opportunity } from "../../api/types";
import { trimmed } from "../../format/decimal";
import { plain, venueName } from "../../format/words";
import type { AddressDoor } from "../../parts/address";
import type { Column } from "../../parts/Table";
import { At, Bps, Ms, NOTHING, Usd } from "../../parts/values";

export const GRADE_WORDS: Readonly<Record<string, string>> = {
  A: "captured at every latency, at least 90 % kept",
  B: "captured at our latency, at least half kept",
  C: "captured at our latency, less than half kept",
  D: "captured only by somebody faster than we are",
  E: "both legs filled, but nothing was left",
  F: "a leg failed even without latency",
};

export function Grade({ grade }: { grade: string | null }): React.ReactNode {
  if (grade === null) return <span className="muted" title="its trades have not all settled">open</span>;
  const tone = grade <= "B" ? "good" : grade <= "D" ? "warn" : "bad";
  return <span className={`tag ${tone}`} title={GRADE_WORDS[grade]}>{grade}</span>;
}

export function closedColumns(set: AddressDoor["set"]): readonly Column<Opportunity>[] {
  return [
    {
      id: "at", head: "Opened", sort: "opened_at",
      cell: (row) => <button type="button" className="opener" onClick={() => set({ id: row.id })}><At at={row.opened_at} date /></button>,
    },
    { id: "route", head: "Route", cell: (row) => <span className="strong">{venueName(row.buy_venue)} {"\u2192"} {venueName(row.sell_venue)}</span> },
    { id: "net", head: "Net", num: true, sort: "net_usd", title: "predicted net of all costs at the best moment", cell: (row) => <Usd value={row.peak_net_usd} places={3} arrow /> },
    { id: "edge", head: "Edge, bps", num: true, sort: "net_edge_bps", cell: (row) => <Bps value={row.peak_net_edge_bps} /> },
    { id: "grade", head: "Real?", title: "A: capturable at leisure, F: not at all", cell: (row) => <Grade grade={row.grade} /> },
    { id: "realised", head: "Realised", num: true, sort: "realised_net_usd", title: "what the simulated trade at the primary latency earned", cell: (row) => <Usd value={row.realised_net_usd} places={3} arrow /> },
    { id: "kept", head: "Kept", num: true, title: "share of the predicted net that was left at the primary latency", cell: (row) => (row.kept_percent === null ? NOTHING : `${trimmed(row.kept_percent, 1)} %`) },
    { id: "life", head: "Lived", num: true, sort: "lifetime_ms", cell: (row) => <Ms value={row.lifetime_ms} /> },
    { id: "closed", head: "Closed by", cell: (row) => row.close_reason === null ? "still open" : plain(row.close_reason) },
    { id: "cex_age", head: "Exchange age", num: true, title: "age of the exchange's price at the decision", cell: (row) => <Ms value={row.cex_age_ms} oldFrom={1_000} /> },
    { id: "pool_age", head: "Pool age", num: true, cell: (row) => <Ms value={row.pool_age_ms} oldFrom={2_000} /> },
    { id: "size", head: "Size", num: true, cell: (row) => row.peak === null ? NOTHING : trimmed(row.peak.size, 4) },
    { id: "gross", head: "Gross", num: true, cell: (row) => <Usd value={row.peak?.stack.gross_usd} places={3} /> },
    { id: "seen", head: "Seen", num: true, cell: (row) => row.updates },
    { id: "market", head: "Market", cell: (row) => row.instrument },
  ];
}
