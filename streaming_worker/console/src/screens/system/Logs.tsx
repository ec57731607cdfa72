import { Button } from "@mantine/core";
import { type ReactNode, useState } from "react";

import { useGet } from "../../api/queries";
import type { LogLine, LogPage } from "../../api/types";
import { useAddress } from "../../parts/address";
import { Choice, options, TextFilter } from "../../parts/Filters";
import { Empty, Failed, Loading, Panel } from "../../parts/states";
import { At, NOTHING, State } from "../../parts/values";

const LEVELS = ["debug", "info", "warning", "error"];
const SHOWN = 200;

export function Logs(): ReactNode {
  const address = useAddress();
  const least = LEVELS.indexOf(address.values["level"] ?? "info");
  const text = (address.values["log"] ?? "").toLowerCase();
  const asked = useGet<LogPage>("/logs", { limit: SHOWN, level: LEVELS[least] }, { everyMs: 5_000, keep: true });
  const [held, setHeld] = useState<readonly LogLine[] | null>(null);
  const lines = held ?? asked.data?.items;
  const shown = lines?.filter((line) => LEVELS.indexOf(line.level) >= least && (text === "" || JSON.stringify(line).toLowerCase().includes(text)));
  return (
    <Panel
      title="Log"
      note="newest first, asked every five seconds; secrets are cut out before they are written"
      actions={
        <Button variant="default" data-key="pause" onClick={() => setHeld(held === null ? (lines ?? null) : null)}>
          {held === null ? "Hold still" : "Go on"}
        </Button>
      }
    >
      <div className="filters">
        <Choice address={address} name="level" label="At least" all="info" options={options(LEVELS)} />
        <TextFilter address={address} name="log" label="Find text" isWide />
      </div>
      {shown === undefined ? asked.isError ? <Failed error={asked.error} retry={() => void asked.refetch()} /> : <Loading /> : shown.length === 0 ? (
        <Empty title="No line fits." />
      ) : (
        <ul className="log" tabIndex={0} aria-label="Log lines">
          {shown.slice(0, SHOWN).map((line, index) => (
            <li key={`${line.at ?? ""}${line.program}${line.event}${shown.length - index}`}>
              <span>{line.at === null ? NOTHING : <At at={line.at} />}</span>
              <State state={line.level} />
              <span><strong>{line.program}</strong> {line.event} {fieldsOf(line)}</span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function fieldsOf(line: LogLine): string {
  return Object.entries(line.fields).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ");
}
