import { Button, Checkbox, Modal, NativeSelect, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";

import { post, remove } from "../../api/client";
import { cache, useGet } from "../../api/queries";
import type { Key, KeyPage, MadeKey } from "../../api/types";
import { plain } from "../../format/words";
import { Empty, Loaded } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { Ago, At, State } from "../../parts/values";
import { useSay } from "../../shell/toasts";

export function Keys(): ReactNode {
  const say = useSay();
  const keys = useGet<KeyPage>("/keys");
  const [isMaking, setMaking] = useState(false);
  const revoke = useMutation({
    mutationFn: (id: string) => remove(`/keys/${encodeURIComponent(id)}`),
    onSuccess: () => {
      say.done("The key is revoked.");
      void cache.invalidateQueries({ queryKey: ["/keys"] });
    },
    onError: (error) => say.failed(error),
  });
  const columns: readonly Column<Key>[] = [
    { id: "name", head: "Name", cell: (key) => <span className="strong">{key.name}</span> },
    { id: "owner", head: "Owner", cell: (key) => key.username },
    { id: "scopes", head: "May", cell: (key) => key.scopes.map(plain).join(", ") },
    { id: "expires", head: "Expires", cell: (key) => <At at={key.expires_at} date /> },
    { id: "used", head: "Last used", num: true, cell: (key) => (key.last_used_at === null ? "never" : <><Ago at={key.last_used_at} /> ago</>) },
    { id: "state", head: "State", cell: (key) => <State state={key.is_revoked ? "revoked" : "active"} /> },
    {
      id: "act", head: "",
      cell: (key) => key.is_revoked ? null : <Button size="compact-xs" variant="default" onClick={() => revoke.mutate(key.key_id)}>Revoke</Button>,
    },
  ];
  return (
    <>
      <div className="row"><Button onClick={() => setMaking(true)}>Make key{"\u2026"}</Button></div>
      <Loaded query={keys}>
        {({ items }) => items.length === 0 ? <Empty title="No key yet.">Programs use keys; people sign in.</Empty> : <Table caption="API keys" columns={columns} rows={items} keyOf={(key) => key.key_id} />}
      </Loaded>
      {isMaking ? <Make onClose={() => setMaking(false)} /> : null}
    </>
  );
}

const SCOPES = ["read", "export", "metrics", "control"];
const DAYS = [7, 30, 90, 365].map((days) => ({ value: String(days), label: `${days} days` }));

function Make({ onClose }: { onClose: () => void }): ReactNode {
  const say = useSay();
  const [made, setMade] = useState<MadeKey | null>(null);
  const make = useMutation({
    mutationFn: (body: object) => post<MadeKey>("/keys", body),
    onSuccess: (key) => {
      setMade(key);
      void cache.invalidateQueries({ queryKey: ["/keys"] });
    },
    onError: (error) => say.failed(error),
  });
  function send(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    make.mutate({ name: form.get("name"), scopes: form.getAll("scopes"), expires_in_days: Number(form.get("days")) });
  }
  return (
    <Modal opened onClose={onClose} title="Make an API key" closeButtonProps={{ "aria-label": "Close" }}>
      {made === null ? (
        <form className="stack" onSubmit={send}>
          <TextInput name="name" label="Name" description="what will use it" required maxLength={60} data-autofocus />
          <fieldset className="stack tight">
            <legend>It may</legend>
            {SCOPES.map((scope) => <Checkbox key={scope} size="xs" name="scopes" value={scope} label={plain(scope)} defaultChecked={scope === "read"} />)}
          </fieldset>
          <NativeSelect name="days" label="Expires after" data={DAYS} defaultValue="90" />
          <div className="row end"><Button variant="default" onClick={onClose}>Cancel</Button><Button type="submit" loading={make.isPending}>Make</Button></div>
        </form>
      ) : (
        <div className="stack">
          <p><strong>Copy it now:</strong> it is never shown again, and only its hash is kept.</p>
          <code className="break" tabIndex={0}>{made.value}</code>
          <div className="row end">
            <Button variant="default" onClick={() => void navigator.clipboard.writeText(made.value).then(() => say.done("Copied."), () => say.failed(new Error("the browser does not allow copying here")))}>Copy</Button>
            <Button onClick={onClose}>Done</Button>
          </div>
        </div>
      )}
    </Modal>
  );
}
