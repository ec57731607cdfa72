import { Drawer } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { BASE } from "../../api/client";
import { useGet } from "../../api/queries";
import { useMay } from "../../api/session";
import type { Pnl, ReportDetail, ReportLine, ReportPage } from "../../api/types";
import { drawn, trimmed, usd } from "../../format/decimal";
import { utcDay } from "../../format/time";
import { plain } from "../../format/words";
import type { AddressDoor } from "../../parts/address";
import { heatStyle } from "../../parts/heatStyle";
import { Empty, Loaded, Panel } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { NOTHING, Num, State, Usd, useNow } from "../../parts/values";
import { Send } from "./Send";

const DAY_MS = 86_400_000;
const WEEKS = 5;
const NAMES = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** Five weeks of UTC days; each day leads to its trades. */
export function Calendar(): ReactNode {
  const today = Date.parse(utcDay(useNow()));
  const monday = today - ((new Date(today).getUTCDay() + 6) % 7) * DAY_MS;
  const first = monday - (WEEKS - 1) * 7 * DAY_MS;
  const pnl = useGet<Pnl>("/pnl", { from: new Date(first).toISOString(), group_by: "day" }, { everyMs: 60_000 });
  return (
    <Loaded query={pnl}>
      {({ groups }) => {
        const byDay = new Map(groups.map((group) => [group.group.slice(0, 10), group.realised_net_usd]));
        const most = Math.max(...[...byDay.values()].map((net) => Math.abs(drawn(net) ?? 0)), 0.01);
        return (
          <div className="calendar">
            {NAMES.map((name) => <b key={name}>{name}</b>)}
            {Array.from({ length: WEEKS * 7 }, (_, index) => {
              const at = first + index * DAY_MS;
              const day = new Date(at).toISOString();
              const net = byDay.get(day.slice(0, 10));
              if (at > today) return <span key={day} className="blank" />;
              if (net === undefined) return <span key={day} className="muted" title={`${day.slice(0, 10)}: no trades`}>{day.slice(8, 10)}</span>;
              return (
                <Link key={day} title={`${day.slice(0, 10)}: ${usd(net)}`} style={heatStyle((drawn(net) ?? 0) / most)}
                  to={`/trades?range=custom&from=${day}&to=${new Date(at + DAY_MS).toISOString()}`}>
                  {day.slice(8, 10)}<span className="small">{brief(net)}</span>
                </Link>
              );
            })}
          </div>
        );
      }}
    </Loaded>
  );
}

/** What fits a day's cell: from a thousand on in thousands; the whole amount is in its title. */
function brief(net: string): string {
  const most = drawn(net) ?? 0;
  return Math.abs(most) < 1_000 ? usd(net, 0) : `${usd((Math.floor(most / 100) / 10).toFixed(1), 1)}k`;
}

/** The one day of a report, or its first and its last. */
function daysOf(report: ReportLine): string {
  return report.kind === "day" ? report.date : `${report.date} to ${report.last_date}`;
}

function columnsOf(open: (name: string) => void): readonly Column<ReportLine>[] {
  return [
    { id: "date", head: "Days (UTC)", cell: (row) => <button type="button" className="opener" onClick={() => open(row.name)}>{daysOf(row)}</button> },
    { id: "kind", head: "Kind", cell: (row) => row.kind },
    { id: "data", head: "Data", wrap: true, cell: (row) => row.data_verdict ?? NOTHING },
    { id: "whole", head: "Whole", num: true, cell: (row) => (row.completeness_percent === null ? NOTHING : `${trimmed(row.completeness_percent, 2)} %`) },
    { id: "replay", head: "Live = replay", cell: (row) => (row.is_reconciled === null ? NOTHING : <State state={row.is_reconciled ? "passed" : "failed"} />) },
    { id: "found", head: "Opportunities", num: true, cell: (row) => row.opportunities ?? NOTHING },
    { id: "trades", head: "Trades", num: true, cell: (row) => row.trades ?? NOTHING },
    { id: "net", head: "Net", num: true, cell: (row) => <Usd value={row.realised_net_usd} arrow /> },
    { id: "sent", head: "Mailed to", num: true, cell: (row) => row.sent_to },
  ];
}

const LISTED_DAYS = 7;

/** How good the data behind some days is: what their reports say of it, and how many days have none. */
export function DataBehind({ first, last, address }: { first: string; last: string; address: AddressDoor }): ReactNode {
  const reports = useGet<ReportPage>("/reports", {}, { everyMs: 60_000 });
  const wanted = Math.round((Date.parse(last) - Date.parse(first)) / DAY_MS) + 1;
  return (
    <Loaded query={reports}>
      {({ items }) => {
        const days = items.filter((report) => report.kind === "day" && report.date >= first && report.date <= last && report.data_verdict !== null);
        const doubted = days.filter((report) => report.data_verdict !== "complete" || report.is_reconciled !== true);
        const missing = wanted - days.length;
        return (
          <>
            <p>
              <strong>{days.length - doubted.length} of {wanted} {wanted === 1 ? "day is" : "days are"} complete</strong> and the same live and replayed.
              {missing > 0 ? ` ${missing} ${missing === 1 ? "has" : "have"} no verdict yet: nothing was recorded, or its hours are not worked.` : null}
            </p>
            {doubted.length === 0 ? null : (
              <ul className="stack tight small">
                {doubted.slice(0, LISTED_DAYS).map((report) => (
                  <li key={report.name}>
                    <button type="button" className="opener" onClick={() => address.set({ report: report.name })}>{report.date}</button>{" "}
                    {report.data_verdict}, {report.completeness_percent === null ? "share unknown" : `${trimmed(report.completeness_percent, 2)} % of the day`}
                    {report.is_reconciled === true ? "" : report.is_reconciled === null ? ", not compared with a replay" : ", live and replay differ"}
                  </li>
                ))}
                {doubted.length > LISTED_DAYS ? <li className="muted">and {doubted.length - LISTED_DAYS} more in the list below</li> : null}
              </ul>
            )}
          </>
        );
      }}
    </Loaded>
  );
}

export function Days({ address }: { address: AddressDoor }): ReactNode {
  const reports = useGet<ReportPage>("/reports", {}, { everyMs: 60_000 });
  const name = address.values["report"] ?? null;
  return (
    <>
      <Loaded query={reports}>
        {({ items }) => items.length === 0 ? <Empty title="No report yet.">The first one is made when the first hour has closed.</Empty> : (
          <Table caption="Reports" columns={columnsOf((chosen) => address.set({ report: chosen }))} rows={items} short keyOf={(row) => row.name} picked={name} />
        )}
      </Loaded>
      <Drawer opened={name !== null} onClose={() => address.set({ report: null })} position="right" size="min(640px, 100vw)" title={`Report of ${(name ?? "").replace("_", " to ")}`} closeButtonProps={{ "aria-label": "Close report" }}>
        {name === null ? null : <Report name={name} />}
      </Drawer>
    </>
  );
}

function Report({ name }: { name: string }): ReactNode {
  const detail = useGet<ReportDetail>(`/reports/${name}`);
  const maySend = useMay("operator");
  return (
    <Loaded query={detail} rows={10}>
      {({ report, figures }) => (
        <div className="stack">
          <Panel title="The data behind it" note={report.edition ?? ""}>
            <p>{report.data_verdict ?? "No verdict yet."}</p>
          </Panel>
          <Panel title="Files">
            {report.files.length === 0 ? <Empty title="No files." /> : (
              <ul className="stack tight">
                {report.files.map((file) => (
                  <li key={file.name} className="row between">
                    <a href={file.url.startsWith("/") ? file.url : `${BASE}/${file.url}`} download={file.name}>{file.name}</a>
                    <span className="muted small"><Num value={Math.ceil(file.size_bytes / 1024)} /> KB</span>
                  </li>
                ))}
              </ul>
            )}
          </Panel>
          {maySend ? <Send first={report.date} last={report.last_date} sentTo={report.sent_to} /> : null}
          <Panel title="Every figure">
            <dl className="pairs small">
              {Object.entries(figures).map(([name, value]) => (
                <div key={name} style={{ display: "contents" }}><dt>{plain(name)}</dt><dd>{value ?? NOTHING}</dd></div>
              ))}
            </dl>
          </Panel>
        </div>
      )}
    </Loaded>
  );
}
