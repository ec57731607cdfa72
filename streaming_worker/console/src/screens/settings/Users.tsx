import { Button, Modal, NativeSelect, PasswordInput, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";

import { patch, post } from "../../api/client";
import { cache, useGet } from "../../api/queries";
import { useSession } from "../../api/session";
import type { User, UserPage } from "../../api/types";
import { Loaded } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { At, State } from "../../parts/values";
import { useSay } from "../../shell/toasts";

const ROLES = ["viewer", "operator", "admin"];

export function Users(): ReactNode {
  const say = useSay();
  const { username } = useSession();
  const users = useGet<UserPage>("/users");
  const [isAdding, setAdding] = useState(false);
  const change = useMutation({
    mutationFn: ({ id, body }: { id: string; body: { role?: string; is_disabled?: boolean } }) => patch(`/users/${id}`, body),
    onSuccess: () => {
      say.done("The user is changed; its sessions follow at once.");
      void cache.invalidateQueries({ queryKey: ["/users"] });
    },
    onError: (error) => say.failed(error),
  });
  const columns: readonly Column<User>[] = [
    { id: "name", head: "User", cell: (user) => <span className="strong">{user.username}</span> },
    {
      id: "role", head: "Role",
      cell: (user) => user.username === username ? user.role : (
        <NativeSelect aria-label={`Role of ${user.username}`} data={ROLES} value={user.role}
          onChange={(event) => change.mutate({ id: user.user_id, body: { role: event.currentTarget.value } })} />
      ),
    },
    { id: "state", head: "State", cell: (user) => <State state={user.is_disabled ? "disabled" : user.locked_until_at !== null ? "locked" : "active"} /> },
    { id: "seen", head: "Last login", cell: (user) => <At at={user.last_login_at} date /> },
    { id: "since", head: "Since", cell: (user) => <At at={user.created_at} date /> },
    {
      id: "act", head: "",
      cell: (user) => user.username === username ? null : (
        <Button size="compact-xs" variant="default" onClick={() => change.mutate({ id: user.user_id, body: { is_disabled: !user.is_disabled } })}>
          {user.is_disabled ? "Enable" : "Disable"}
        </Button>
      ),
    },
  ];
  return (
    <>
      <div className="row"><Button onClick={() => setAdding(true)}>Add user{"\u2026"}</Button></div>
      <Loaded query={users}>{({ items }) => <Table caption="Users" columns={columns} rows={items} keyOf={(user) => user.user_id} />}</Loaded>
      {isAdding ? <Add onClose={() => setAdding(false)} /> : null}
    </>
  );
}

function Add({ onClose }: { onClose: () => void }): ReactNode {
  const say = useSay();
  const add = useMutation({
    mutationFn: (body: object) => post<User>("/users", body),
    onSuccess: (user) => {
      say.done(`${user.username} may sign in now.`);
      void cache.invalidateQueries({ queryKey: ["/users"] });
      onClose();
    },
    onError: (error) => say.failed(error),
  });
  function send(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    add.mutate(Object.fromEntries(new FormData(event.currentTarget)));
  }
  return (
    <Modal opened onClose={onClose} title="Add user" closeButtonProps={{ "aria-label": "Close" }}>
      <form className="stack" onSubmit={send}>
        <TextInput name="username" label="User name" description="lower case letters, digits, dot, dash" pattern="[a-z0-9][a-z0-9._\-]{1,39}" required data-autofocus />
        <PasswordInput name="password" label="First password" description="at least 12 characters" size="xs" minLength={12} autoComplete="new-password" required />
        <NativeSelect name="role" label="Role" data={ROLES} description="viewers see, operators pause and resume, administrators do the rest" />
        <div className="row end"><Button variant="default" onClick={onClose}>Cancel</Button><Button type="submit" loading={add.isPending}>Add</Button></div>
      </form>
    </Modal>
  );
}
