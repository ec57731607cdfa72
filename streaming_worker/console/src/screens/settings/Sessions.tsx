import { Button, PasswordInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";

import { post, remove } from "../../api/client";
import { cache, useGet } from "../../api/queries";
import type { Me, SessionPage, SessionRow } from "../../api/types";
import { Loaded } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { Ago, At } from "../../parts/values";
import { programOf } from "../../format/program";
import { useSay } from "../../shell/toasts";

export function Sessions(): ReactNode {
  const say = useSay();
  const sessions = useGet<SessionPage>("/sessions");
  const end = useMutation({
    mutationFn: (id: string) => remove(`/sessions/${encodeURIComponent(id)}`),
    onSuccess: () => {
      say.done("The session is ended.");
      void cache.invalidateQueries({ queryKey: ["/sessions"] });
    },
    onError: (error) => say.failed(error),
  });
  const columns: readonly Column<SessionRow>[] = [
    { id: "user", head: "User", cell: (row) => <span className="strong">{row.username}</span> },
    { id: "since", head: "Since", cell: (row) => <At at={row.created_at} date /> },
    { id: "seen", head: "Last seen", num: true, cell: (row) => <><Ago at={row.last_seen_at} /> ago</> },
    { id: "ends", head: "Ends", cell: (row) => <At at={row.expires_at} date /> },
    { id: "ip", head: "Address", cell: (row) => <span className="mono">{row.ip}</span> },
    { id: "agent", head: "Browser", cell: (row) => <span title={row.user_agent}>{programOf(row.user_agent)}</span> },
    {
      id: "end", head: "",
      cell: (row) => row.is_current ? <span className="tag good">this one</span>
        : <Button size="compact-xs" variant="default" loading={end.isPending} onClick={() => end.mutate(row.session_id)}>End</Button>,
    },
  ];
  return <Loaded query={sessions}>{({ items }) => <Table caption="Sessions" columns={columns} rows={items} short keyOf={(row) => row.session_id} />}</Loaded>;
}

export function Password(): ReactNode {
  const say = useSay();
  const me = useQuery<Me>({ queryKey: ["me"], enabled: false });
  const [error, setError] = useState<string | null>(null);
  const change = useMutation({
    mutationFn: (body: { password: string; current_password: string }) => post(`/users/${me.data?.user_id ?? ""}/password`, body),
    onSuccess: () => say.done("The password is changed."),
    onError: (cause) => say.failed(cause),
  });
  function send(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const form = event.currentTarget;
    const fields = new FormData(form);
    const password = String(fields.get("new"));
    const wrong = password.length < 12 ? "at least 12 characters" : password !== fields.get("again") ? "the two do not agree" : null;
    setError(wrong);
    if (wrong === null) change.mutate({ password, current_password: String(fields.get("current")) }, { onSuccess: () => form.reset() });
  }
  return (
    <form className="stack" onSubmit={send}>
      <input type="text" name="username" autoComplete="username" value={me.data?.username ?? ""} readOnly hidden />
      <PasswordInput name="current" label="Current password" size="xs" autoComplete="current-password" required />
      <PasswordInput name="new" label="New password" description="at least 12 characters" size="xs" autoComplete="new-password" required error={error} />
      <PasswordInput name="again" label="New password again" size="xs" autoComplete="new-password" required />
      <div className="row end"><Button type="submit" loading={change.isPending}>Change password</Button></div>
    </form>
  );
}
