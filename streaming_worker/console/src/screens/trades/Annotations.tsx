// What people said about a trade: tags to find it by, notes with who and when.
import { Button, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";

import { post, takeAway } from "../../api/client";
import { cache, useGet } from "../../api/queries";
import { useMay } from "../../api/session";
import type { Annotations } from "../../api/types";
import { Loaded, Panel } from "../../parts/states";
import { At } from "../../parts/values";
import { useSay } from "../../shell/toasts";

const TAG = /^[a-z0-9][a-z0-9_-]{0,39}$/;

export function TradeAnnotations({ id }: { id: string }): ReactNode {
  const path = `/trades/${encodeURIComponent(id)}`;
  const said = useGet<Annotations>(`${path}/annotations`);
  return (
    <Panel title="Tags and notes" note="kept beside the record, with who and when">
      <Loaded query={said} rows={2}>{(all) => <Said key={id} all={all} path={path} />}</Loaded>
    </Panel>
  );
}

function Said({ all, path }: { all: Annotations; path: string }): ReactNode {
  const say = useSay();
  const mayWrite = useMay("operator");
  const [tag, setTag] = useState("");
  const [text, setText] = useState("");
  const change = useMutation({
    mutationFn: (send: () => Promise<Annotations>) => send(),
    onSuccess: (now) => {
      cache.setQueryData([`${path}/annotations`, {}], now);
      void cache.invalidateQueries({ queryKey: ["/trades/tags"] });
    },
    onError: (error) => say.failed(error),
  });
  const addTag = (): void => { change.mutate(() => post(`${path}/tags`, { tag })); setTag(""); };
  const addNote = (): void => { change.mutate(() => post(`${path}/notes`, { text: text.trim() })); setText(""); };
  return (
    <div className="stack tight">
      <ul className="row" aria-label="Tags">
        {all.tags.length === 0 ? <li className="muted small">no tag</li> : all.tags.map((one) => (
          <li key={one.tag} className="tag" title={`by ${one.actor}`}>
            <Link to={`/trades?tag=${one.tag}&range=all&latency_ms=every`}>{one.tag}</Link>
            {mayWrite ? <button type="button" className="opener" aria-label={`Remove tag ${one.tag}`} onClick={() => change.mutate(() => takeAway(`${path}/tags/${one.tag}`))}>{"\u00d7"}</button> : null}
          </li>
        ))}
      </ul>
      {mayWrite ? (
        <form className="row" onSubmit={(event) => { event.preventDefault(); if (TAG.test(tag)) addTag(); }}>
          <TextInput size="xs" aria-label="New tag" placeholder="odd-fill" value={tag} maxLength={40}
            onChange={(event) => setTag(event.currentTarget.value.toLowerCase())} error={tag === "" || TAG.test(tag) ? null : "letters, digits, - and _"} />
          <Button size="xs" type="submit" variant="default" disabled={!TAG.test(tag)} loading={change.isPending}>Add tag</Button>
        </form>
      ) : null}
      {all.notes.length === 0 ? <p className="muted small">No note yet.</p> : (
        <ul className="stack tight">
          {all.notes.map((note) => (
            <li key={note.note_id} className="state-box">
              <span className="row between small muted">
                <span>{note.actor}, <At at={note.at} date /></span>
                {note.is_own && mayWrite ? <Button size="compact-xs" variant="subtle" onClick={() => change.mutate(() => takeAway(`${path}/notes/${note.note_id}`))}>Remove</Button> : null}
              </span>
              <span className="break">{note.text}</span>
            </li>
          ))}
        </ul>
      )}
      {mayWrite ? (
        <form className="stack tight" onSubmit={(event) => { event.preventDefault(); if (text.trim() !== "") addNote(); }}>
          <Textarea size="xs" aria-label="New note" placeholder="What happened here?" value={text} maxLength={2_000} onChange={(event) => setText(event.currentTarget.value)} />
          <div className="row end"><Button size="xs" type="submit" variant="default" disabled={text.trim() === ""} loading={change.isPending}>Add note</Button></div>
        </form>
      ) : null}
    </div>
  );
}
