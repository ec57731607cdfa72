// Ranges that somebody gave a name; the server keeps them for that user, and the address holds the times themselves.
import { Button, Modal, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";

import { type SavedRange, usePreferences } from "../shell/preferences";
import { At } from "./values";

const MOST = 30;

export function useSavedRange(from: string | undefined, to: string | undefined): SavedRange | undefined {
  const moment = (text: string | null | undefined): number | null => (text === undefined || text === null ? null : Date.parse(text));
  return usePreferences().ranges.find((range) => moment(range.from) === moment(from) && moment(range.to) === moment(to));
}

/** Keeps the range that is shown, or forgets it where it is kept. */
export function KeepRange({ from, to }: { from: string; to: string | undefined }): ReactNode {
  const { ranges, change } = usePreferences();
  const saved = useSavedRange(from, to);
  const [name, setName] = useState<string | null>(null);
  const text = name?.trim() ?? "";
  const isTaken = ranges.some((range) => range.name === text);
  const isReady = text !== "" && !isTaken;
  if (saved !== undefined) {
    return <Button variant="subtle" onClick={() => change({ ranges: ranges.filter((range) => range !== saved) })}>Forget {"\u201c"}{saved.name}{"\u201d"}</Button>;
  }
  return (
    <>
      <Button variant="default" disabled={ranges.length >= MOST} onClick={() => setName("")}>Save range{"\u2026"}</Button>
      <Modal opened={name !== null} onClose={() => setName(null)} title="Save this range" closeButtonProps={{ "aria-label": "Close" }}>
        <form className="stack" onSubmit={(event) => {
          event.preventDefault();
          if (!isReady) return;
          change({ ranges: [...ranges, { name: text, from: new Date(from).toISOString(), to: to === undefined ? null : new Date(to).toISOString() }] });
          setName(null);
        }}>
          <p>From <At at={from} date /> {to === undefined ? "until now, whenever it is looked at" : <>until before <At at={to} date /></>}.</p>
          <TextInput label="Name" size="sm" maxLength={40} required data-autofocus value={name ?? ""} error={isTaken ? "there is one of this name" : null}
            description="it is then among the time ranges of every screen" onChange={(event) => setName(event.currentTarget.value)} />
          <div className="row end"><Button variant="default" onClick={() => setName(null)}>Cancel</Button><Button type="submit" disabled={!isReady}>Save</Button></div>
        </form>
      </Modal>
    </>
  );
}
