// What every screen has around it: mode, risk state, feeds with their ages, clocks, alarms, menu.
import { Button, Drawer, Menu, Modal } from "@mantine/core";
import { type ReactNode, useCallback, useLayoutEffect, useRef, useState } from "react";
import { Link, NavLink, Outlet, useLocation } from "react-router";

import { type StatusView, useStatus } from "../api/queries";
import { useSession } from "../api/session";
import type { Alarm, Feed } from "../api/types";
import { age, clock, ZONES } from "../format/time";
import { venueName } from "../format/words";
import { stream, useLink } from "../live/store";
import { Empty } from "../parts/states";
import { Dot, State, useNow, useUptime } from "../parts/values";
import { useKeyboard } from "./keyboard";
import { usePreferences } from "./preferences";
import { SCREENS } from "./screens";

export function Shell(): ReactNode {
  const view = useStatus();
  const [isHelpOpen, setHelpOpen] = useState(false);
  useKeyboard(useCallback(() => setHelpOpen(true), []));
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const menu = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  // before the next key can come: a focus that moves later would take it away from where the key put it
  useLayoutEffect(() => {
    const title = SCREENS.find((screen) => screen.path === pathname)?.title ?? "arb console";
    document.title = `${title} \u00b7 arb console`;
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
    // on a phone the menu is a strip that holds half of its entries
    menu.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    scrollTo(0, 0);
  }, [pathname]);
  return (
    <>
      <a className="skip" href="#main">Skip to content</a>
      <div className="shell">
        <header className="shell-head">
          <Bar view={view} onHelp={() => setHelpOpen(true)} />
          <Banners view={view} />
        </header>
        <nav className="shell-nav" aria-label="Screens" ref={menu} tabIndex={-1}>
          <ul>
            {SCREENS.map((screen) => (
              <li key={screen.path}>
                <NavLink to={screen.path} end={screen.path === "/"}>
                  {screen.title}<kbd aria-hidden="true">g {screen.letter}</kbd>
                </NavLink>
              </li>
            ))}
          </ul>
        </nav>
        <main className="shell-main" id="main" ref={main} tabIndex={-1}>
          <Outlet />
        </main>
      </div>
      <Help isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
    </>
  );
}

function Bar({ view, onHelp }: { view: StatusView; onHelp: () => void }): ReactNode {
  const { status } = view;
  const risk = status?.risk.state ?? null;
  const isOld = !view.isLive || status?.worker.state !== "up";
  return (
    <div className="shell-bar">
      <Link className="brand" to="/"><img src="/icon.svg" alt="" />arb</Link>
      <span className="mode" title="There is no code that places an order">{status?.mode ?? "OBSERVE_ONLY"}</span>
      <Link to="/risk" className="row" aria-label={`Risk state ${risk ?? "unknown"}`}>
        <State state={risk ?? "unknown"} />
      </Link>
      <ul className="venues" aria-label="Feeds">
        {(status?.feeds ?? []).map((feed) => <FeedDot key={feed.id} feed={feed} isOld={isOld} />)}
      </ul>
      <span className="grow" />
      <Alarms alarms={status?.alarms ?? []} />
      <Clocks />
      <Account onHelp={onHelp} />
    </div>
  );
}

function FeedDot({ feed, isOld }: { feed: Feed; isOld: boolean }): ReactNode {
  const shown = feed.alive_age_ms === null ? "no word" : age(feed.alive_age_ms);
  const name = feed.venues.map(venueName).join(", ") || venueName(feed.id);
  return (
    <li className={isOld ? "stale" : undefined}>
      <Link to="/system" title={`${name}: ${feed.state}; last sign of life ${shown} ago. ${feed.detail}`}>
        <Dot state={feed.state} />
        {name}
        <span className="unseen">{feed.state}</span>
        <span className="age">{feed.is_healthy ? shown : feed.state}</span>
      </Link>
    </li>
  );
}

function Clocks(): ReactNode {
  const now = useNow();
  const { zone } = usePreferences();
  const second = zone === "utc" ? "local" : zone;
  const [utc, here] = [clock(new Date(now), "utc"), clock(new Date(now), second)];
  return (
    <span className="clocks" aria-label="Clocks">
      <time>{utc}</time>
      {here === utc ? null : <time className="muted">{second === "local" ? "here " : ""}{here}</time>}
    </span>
  );
}

function Alarms({ alarms }: { alarms: readonly Alarm[] }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const urgent = alarms.filter((alarm) => alarm.severity !== "info");
  const words = urgent.length === 0 ? "No alarms" : urgent.length === 1 ? "1 alarm" : `${urgent.length} alarms`;
  return (
    <>
      <Button variant={urgent.length === 0 ? "default" : "outline"} color="pink" onClick={() => setOpen(true)}>{words}</Button>
      <span className="unseen" aria-live="polite">{urgent.length === 0 ? "" : `${words}: ${urgent[0]?.title ?? ""}`}</span>
      <Drawer opened={isOpen} onClose={() => setOpen(false)} position="right" title="Alarms" closeButtonProps={{ "aria-label": "Close alarms" }}>
        {alarms.length === 0 ? <Empty title="Nothing is wrong right now.">Past alerts are on the System screen.</Empty> : (
          <ul className="stack">
            {alarms.map((alarm) => (
              <li key={alarm.alarm_id} className="panel">
                <div className="row"><State state={alarm.severity} /><strong>{alarm.title}</strong></div>
                <p className="break">{alarm.detail}</p>
                <p className="muted small">from {alarm.source}</p>
              </li>
            ))}
          </ul>
        )}
      </Drawer>
    </>
  );
}

function Account({ onHelp }: { onHelp: () => void }): ReactNode {
  const session = useSession();
  const { zone, change } = usePreferences();
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button variant="default" className="account">{session.username}<span className="account-role">{"\u00a0\u00b7\u00a0"}{session.role}</span></Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Times are shown in</Menu.Label>
        {ZONES.map(({ value, label }) => (
          <Menu.Item key={value} onClick={() => change({ zone: value })}>{zone === value ? "\u2713 " : ""}{label}</Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={onHelp}>Keyboard help</Menu.Item>
        <Menu.Item onClick={session.signOut}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Banners({ view }: { view: StatusView }): ReactNode {
  const { status } = view;
  return (
    <>
      <LinkBanner />
      {status !== undefined && status.worker.state !== "up" ? (
        <div className="banner bad" role="status">
          <strong>{status.worker.state === "standby" ? "WORKER WAITS" : "WORKER DOWN"}</strong>
          <span>{status.worker.detail || "Live numbers are from before it went away."}</span>
          <Link to="/system">System</Link>
        </div>
      ) : null}
      {status?.risk.is_paused === true ? (
        <div className={status.risk.state === "killed" ? "banner bad" : "banner"} role="status">
          <strong>{status.risk.state === "killed" ? "SYSTEM KILLED" : "SYSTEM PAUSED"}</strong>
          <span>No new simulated trades. Cause: {(status.risk.cause ?? "unknown").replaceAll("_", " ")}.</span>
          <Link to="/risk">Risk</Link>
        </div>
      ) : null}
    </>
  );
}

const PATIENCE_MS = 3_000;

function LinkBanner(): ReactNode {
  const link = useLink();
  const now = useUptime();
  const silence = link.heardAt === null ? null : now - link.heardAt;
  if (link.link === "live" && (silence ?? 0) < PATIENCE_MS) return null;
  if (link.link === "connecting" && link.heardAt === null) return null;
  const wait = link.retryAt === null ? 0 : Math.max(0, Math.ceil((link.retryAt - now) / 1_000));
  return (
    <div className="banner info" role="status">
      <strong>CONNECTION LOST</strong>
      <span>
        Last data {silence === null ? "never" : `${age(silence)} ago`}
        {link.why === null ? "" : `: ${link.why}`}. {wait > 0 ? `Next try in ${wait} s.` : "Trying now."}
      </span>
      <button type="button" onClick={() => stream.retry()}>Try now</button>
    </div>
  );
}

const KEYS: readonly [string, string][] = [
  ["/", "go to the first filter"],
  ["p", "pause or go on (live lists; on Risk: the system)"],
  ["e", "export"],
  ["?", "this help"],
  ["Esc", "close what is open"],
];

function Help({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }): ReactNode {
  return (
    <Modal opened={isOpen} onClose={onClose} title="Keyboard" closeButtonProps={{ "aria-label": "Close help" }}>
      <dl className="keys">
        {SCREENS.map((screen) => (
          <Row key={screen.path} keys={`g ${screen.letter}`} text={screen.title} />
        ))}
        {KEYS.map(([keys, text]) => <Row key={keys} keys={keys} text={text} />)}
      </dl>
    </Modal>
  );
}

function Row({ keys, text }: { keys: string; text: string }): ReactNode {
  return <><dt><kbd>{keys}</kbd></dt><dd>{text}</dd></>;
}
