// Within ten seconds: is it running, is it healthy, what is it finding, is it real.
import type { ReactNode } from "react";
import { Link } from "react-router";

import { useGet, useStatus } from "../api/queries";
import type { Pnl, RejectionSummary, Status } from "../api/types";
import { decimal, dollars, drawn, signOf } from "../format/decimal";
import { age } from "../format/time";
import { meaning } from "../format/words";
import { useScreenDelay } from "../live/screenDelay";
import { useTrail } from "../live/trail";
import { Chart } from "../parts/Chart";
import { Bars, Kpi } from "../parts/figures";
import { Empty, Loaded, Loading, Panel, Screen } from "../parts/states";
import { Ago, Bps, Dot, NOTHING, Num, State, Usd, useNow } from "../parts/values";
import { FeedTable } from "./parts/FeedTable";
import { byHour, OpportunityHeat, useHeat } from "./parts/OpportunityHeat";
import { SinceYouLeft } from "./parts/SinceYouLeft";
import { TradeStream } from "./parts/TradeStream";

const HOUR_MS = 3_600_000;

export default function Overview(): ReactNode {
  const { status, isLive } = useStatus();
  const isOld = !isLive || status?.worker.state !== "up";
  // moves with the hour: a start that moves all the time would ask all the time
  const hour = Math.floor(useNow() / HOUR_MS) * HOUR_MS;
  const from = new Date(hour - 23 * HOUR_MS).toISOString();
  const hourly = useGet<Pnl>("/pnl", { from, group_by: "hour" }, { everyMs: 30_000, keep: true });
  return (
    <Screen title="Overview" lead="Real or not: what the market showed, what would have been left of it, and whether the record behind it is whole.">
      {status === undefined ? <Loading rows={3} /> : <><Verdict status={status} /><div className={isOld ? "stale" : undefined}><Kpis status={status} hourly={hourly.data} from={from} /></div></>}
      <SinceYouLeft />
      <div className="cells">
        <Panel className="w7" title="Simulated profit, last 24 hours" note="after all costs, at the primary latency; no order was ever sent">
          <Loaded query={hourly} rows={6}>{(pnl) => <Cumulative pnl={pnl} />}</Loaded>
        </Panel>
        <Panel className="w5" title="Simulated trades, live" note={<Link to="/trades">all trades</Link>}>
          <TradeStream />
        </Panel>
        <Panel className="w7" title="Opportunities by hour and route" note="best net edge in basis points; a click opens the rows">
          <OpportunityHeat from={from} />
        </Panel>
        <Panel className="w5" title="Why candidates were refused" note={<Link to="/opportunities?view=refused">all refusals</Link>}>
          <Refusals from={from} />
        </Panel>
        <Panel title="Feeds" note={<Link to="/system">system status</Link>}>
          <FeedTable feeds={status?.feeds} />
        </Panel>
      </div>
    </Screen>
  );
}

const HEALTH_WORDS: Readonly<Record<Status["health"], string>> = {
  ok: "every feed is fine",
  degraded: "not everything is fine",
  down: "no feed is fine",
};

function Verdict({ status }: { status: Status }): ReactNode {
  const { worker, today } = status;
  const bad = worker.state !== "up" || status.health === "down";
  const tone = bad ? "bad" : status.health === "degraded" || status.risk.is_paused ? "warn" : "";
  return (
    <section className={`verdict ${tone === "" ? "" : `is-${tone}`}`} aria-label="In short">
      <dl>
        <div>
          <dt>Is it running?</dt>
          <dd><Dot state={worker.state} />{worker.state === "up" ? <span>yes, for <Ago at={worker.started_at} /></span> : worker.state}</dd>
        </div>
        <div>
          <dt>Is it healthy?</dt>
          <dd title={status.why.join("; ")}><Dot state={status.health} />{HEALTH_WORDS[status.health]}</dd>
        </div>
        <div>
          <dt>What is it finding?</dt>
          <dd><span><Link to="/opportunities?view=closed&range=today"><Num value={today.opportunities} /> opportunities</Link> today, <Link to="/opportunities?view=live"><Num value={today.open_opportunities} /> open now</Link></span></dd>
        </div>
        <div>
          <dt>Is it real?</dt>
          <dd><span><Link to="/opportunities?view=closed&range=today&sort=-realised_net_usd"><Num value={today.real} /></Link> of <Num value={today.opportunities} /> could have been captured</span></dd>
        </div>
      </dl>
    </section>
  );
}

const SINCE_OPENED = "since this page was opened";

function Kpis({ status, hourly, from }: { status: Status; hourly: Pnl | undefined; from: string }): ReactNode {
  const { today } = status;
  const groups = hourly?.groups ?? [];
  const hours = byHour(useHeat(from).data?.cells ?? [], from);
  const healthy = status.feeds.filter((feed) => feed.is_healthy).length;
  const accepted = useTrail("accepted", drawn(today.accepted_percent));
  const feeds = useTrail("feeds", healthy);
  // nothing was looked at: no zeros of a day that was not recorded
  const yesterday = (shown: ReactNode): ReactNode => (today.accepted_yesterday_percent === null ? "nothing recorded yesterday" : <>yesterday {shown}</>);
  const loss = useTrail("day", drawn(status.risk.daily_net_usd));
  return (
    <div className="kpis">
      <Kpi name="Simulated net today" to="/trades?range=today" value={<Usd value={today.realised_net_usd} />} trend={groups.map((group) => drawn(group.cumulative_net_usd))}
        under={yesterday(<Usd value={today.realised_net_yesterday_usd} />)} />
      <Kpi name="Opportunities, last minute" to="/opportunities?view=closed&range=hour" value={<Num value={today.opportunities_last_minute} />} trend={hours.map((hour) => hour.opportunities)}
        under={<><Num value={today.opportunities} /> today; {yesterday(<Num value={today.opportunities_yesterday} />)}</>} />
      <Kpi name="Accepted of all looks today" to="/opportunities?view=refused&range=today" value={share(today.accepted_percent)} trend={accepted} course={SINCE_OPENED}
        under={<><Num value={today.rejected_evaluations} /> refused; {yesterday(share(today.accepted_yesterday_percent))}</>} />
      <Kpi name="Best net edge today" to="/opportunities?view=closed&range=today&sort=-net_edge_bps" value={<><Bps value={today.best_net_edge_bps} /><span className="muted small"> bps</span></>} trend={hours.map((hour) => hour.best)}
        under={yesterday(today.best_net_edge_yesterday_bps === null ? "none" : <><Bps value={today.best_net_edge_yesterday_bps} /> bps</>)} />
      <Kpi name="Trades that won today" to="/trades?range=today&won=true" value={<><Num value={today.winning_trades} /><span className="muted"> / {today.trades}</span></>} trend={groups.map((group) => group.winning_trades)}
        under={yesterday(<><Num value={today.winning_trades_yesterday} /> / {today.trades_yesterday}</>)} />
      <ToScreen decisionUs={today.decision_p50_us} />
      <Kpi name="Feeds healthy" to="/system" value={<>{healthy}<span className="muted"> / {status.feeds.length}</span></>} trend={feeds} course={SINCE_OPENED}
        under={<><Num value={today.gaps} /> {today.gaps === 1 ? "gap" : "gaps"} today</>} />
      <Kpi name="Risk state" to="/risk" value={<State state={status.risk.state} />} trend={loss} course={`result of the day ${SINCE_OPENED}`}
        under={<LossToday status={status} />} />
    </div>
  );
}

function share(percent: string | null): ReactNode {
  return percent === null ? NOTHING : `${decimal(percent, 2)} %`;
}

/** From the arrival of a frame at the worker to its paint here, measured by this page. */
function ToScreen({ decisionUs }: { decisionUs: number | null }): ReactNode {
  const delay = useScreenDelay();
  const course = useTrail("screen", delay === null ? null : delay.p50);
  return (
    <Kpi name="Capture to screen" to="/system" trend={course} course={SINCE_OPENED} title="from a frame's arrival at the worker until its price is drawn on this screen; half of them within"
      value={delay === null ? NOTHING : age(delay.p50)}
      under={<>{delay === null ? "measuring\u2026" : <>95 % in {age(delay.p95)}</>}; decided in {micros(decisionUs)}</>} />
  );
}

/** What the engine counts against the loss of a day that stops everything. */
function LossToday({ status }: { status: Status }): ReactNode {
  const { daily_net_usd: net, daily_loss_limit_usd: limit } = status.risk;
  if (net === null || limit === null) return "the worker does not answer";
  const lost = signOf(net) < 0 ? net.slice(1) : "0";
  return <>{dollars(lost)} of the day's {dollars(limit, 0)} loss limit</>;
}

function micros(value: number | null): ReactNode {
  if (value === null) return NOTHING;
  return value < 1_000 ? `${value} \u00b5s` : `${(value / 1_000).toFixed(1)} ms`;
}

function Cumulative({ pnl }: { pnl: Pnl }): ReactNode {
  if (pnl.groups.length === 0) {
    return <Empty title="No simulated trade in the last 24 hours.">Trades appear here as soon as an opportunity passes every limit.</Empty>;
  }
  return (
    <>
      <div className="row small">
        <span>net <Usd value={pnl.realised_net_usd} arrow /></span>
        <span>largest drawdown, trade by trade <Usd value={pnl.max_drawdown_usd} /></span>
        <span>{pnl.winning_trades} of {pnl.trades} trades won</span>
      </div>
      <Chart
        title="Cumulative simulated profit and drawdown by hour"
        overTime
        height={290}
        x={pnl.groups.map((group) => Date.parse(group.group) / 1_000)}
        lines={[
          { label: "cumulative net", colour: "gain", values: pnl.groups.map((group) => drawn(group.cumulative_net_usd)), fill: true, points: pnl.groups.length < 3 },
          { label: "drawdown at the end of the hour", colour: "loss", values: pnl.groups.map((group) => drawn(group.drawdown_usd)), dash: true },
        ]}
        unit={(value) => `$${value.toFixed(Math.abs(value) < 10 ? 2 : 0)}`}
      />
    </>
  );
}

function Refusals({ from }: { from: string }): ReactNode {
  const summary = useGet<RejectionSummary>("/rejections/summary", { from }, { everyMs: 15_000, keep: true });
  return (
    <Loaded query={summary} rows={6}>
      {({ reasons, evaluations }) => reasons.length === 0 ? (
        <Empty title="Nothing was refused." />
      ) : (
        <>
          <Bars
            label="Reasons, by how often"
            bars={reasons.slice(0, 6).map((reason) => ({
              key: reason.reason,
              label: meaning(reason.reason),
              title: `${meaning(reason.reason)} (${reason.reason})`,
              size: reason.count,
              text: <>{Number(reason.share_percent).toFixed(1)} %</>,
              href: `/opportunities?view=refused&reason=${reason.reason}`,
              tone: "info",
            }))}
          />
          <p className="muted small"><Num value={evaluations} /> looks in 24 hours; each names the first limit that it failed.</p>
        </>
      )}
    </Loaded>
  );
}
