import type { ReactNode } from "react";

import type { Feed } from "../../api/types";
import { decimal } from "../../format/decimal";
import { age } from "../../format/time";
import { marketName, venueName } from "../../format/words";
import { useRates } from "../../live/trail";
import { Empty, Loading } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { Dot, Ms, NOTHING, Num, State } from "../../parts/values";

const OLD_MS = 10_000;

const columnsOf = (rates: Rates, isWhole: boolean): readonly Column<Feed>[] => [
  { id: "name", head: "Feed", cell: (feed) => <span className="strong">{feed.venues.map(venueName).join(", ") || feed.id}</span> },
  { id: "state", head: "State", cell: (feed) => <State state={feed.state} /> },
  { id: "alive", head: "Alive", num: true, title: "since the last sign of life of the connection", cell: (feed) => <Ms value={feed.alive_age_ms} oldFrom={OLD_MS} /> },
  { id: "data", head: "Last data", num: true, title: "since the last change; a quiet book is not a dead one", cell: (feed) => <Ms value={feed.data_age_ms} /> },
  { id: "lag", head: "Lag", num: true, title: "delay of messages by the venue's own clock", cell: (feed) => <Ms value={feed.lag_ms} oldFrom={1_000} /> },
  { id: "rate", head: "Frames/s", num: true, title: "over the last ten seconds", cell: (feed) => rateOf(rates.get(counterOf(feed)) ?? null) },
  { id: "frames", head: "Frames", num: true, title: "since the worker started", cell: (feed) => <Num value={feed.frames} /> },
  ...(isWhole ? [
    { id: "gaps", head: "Resyncs", num: true, title: "times that books were dropped after a gap and built anew", cell: (feed: Feed) => (feed.gaps === null ? NOTHING : <Num value={feed.gaps} />) },
    { id: "offset", head: "Clock", num: true, title: "how far the venue's clock is from ours", cell: (feed: Feed) => <Ms value={feed.offset_ms} /> },
    { id: "slot", head: "Slot age", num: true, title: "for how long the node of the chain has told no newer slot; half a second is usual", cell: (feed: Feed) => <span title={feed.slot === null ? undefined : `slot ${feed.slot}`}><Ms value={feed.slot_age_ms} oldFrom={5_000} /></span> },
  ] : []),
  { id: "losses", head: "Losses", num: true, title: "times that the connection was lost", cell: (feed) => <Num value={feed.losses} /> },
  { id: "bad", head: "Bad frames", num: true, cell: (feed) => <Num value={feed.bad_frames} /> },
  {
    id: "markets", head: "Markets", wrap: true,
    cell: (feed) => (
      <ul className="row">
        {Object.entries(feed.markets).map(([market, state]) => (
          <li key={market} className="row nowrap"><Dot state={state} /><span title={market}>{marketName(market)}</span><span className="unseen">{state}</span></li>
        ))}
      </ul>
    ),
  },
  { id: "detail", head: "Says", wrap: true, cell: (feed) => says(feed) },
];

type Rates = ReadonlyMap<string, number | null>;

const counterOf = (feed: Feed): string => `frames ${feed.id}`;

function rateOf(rate: number | null): ReactNode {
  return rate === null ? NOTHING : decimal(rate.toFixed(1), rate < 10 ? 1 : 0);
}

function says(feed: Feed): ReactNode {
  const retry = feed.retry_in_ms === null ? "" : `next try in ${age(feed.retry_in_ms)}`;
  const text = [feed.detail, retry].filter((part) => part !== "").join("; ");
  return text === "" ? NOTHING : text;
}

/** Every feed; the whole of it for those who look after them. */
export function FeedTable({ feeds, isWhole = false }: { feeds: readonly Feed[] | undefined; isWhole?: boolean }): ReactNode {
  const rates = useRates((feeds ?? []).map((feed) => [counterOf(feed), feed.frames] as const));
  if (feeds === undefined) return <Loading />;
  if (feeds.length === 0) return <Empty title="No feed is known.">The worker is not up; see the System screen.</Empty>;
  return <Table caption="Feeds" columns={columnsOf(rates, isWhole)} rows={feeds} keyOf={(feed) => feed.id} />;
}
