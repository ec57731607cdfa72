import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { post } from "../../api/client";
import { useGet } from "../../api/queries";
import type { AlertChannel, AlertChannels, ChannelTest } from "../../api/types";
import { Empty, Loaded } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { State } from "../../parts/values";
import { useSay } from "../../shell/toasts";

export function Channels(): ReactNode {
  const say = useSay();
  const channels = useGet<AlertChannels>("/settings/alert-channels");
  const test = useMutation({
    mutationFn: (name: string) => post<ChannelTest>(`/settings/alert-channels/${encodeURIComponent(name)}/test`),
    onSuccess: (result) => (result.is_delivered ? say.done(`${result.name}: delivered. ${result.detail}`) : say.failed(new Error(`${result.name}: ${result.detail}`))),
    onError: (error) => say.failed(error),
  });
  const columns: readonly Column<AlertChannel>[] = [
    { id: "name", head: "Channel", cell: (row) => <span className="strong">{row.name}</span> },
    { id: "kind", head: "Kind", cell: (row) => row.kind },
    { id: "state", head: "State", cell: (row) => <State state={row.is_configured ? "active" : "not configured"} /> },
    { id: "detail", head: "Says", wrap: true, cell: (row) => row.detail },
    {
      id: "test", head: "",
      cell: (row) => row.is_configured ? <Button size="compact-xs" variant="default" loading={test.isPending && test.variables === row.name} onClick={() => test.mutate(row.name)}>Send test</Button> : null,
    },
  ];
  return (
    <Loaded query={channels}>
      {({ items }) => items.length === 0 ? <Empty title="No channel is configured.">The README lists the settings.</Empty> : <Table caption="Alert channels" columns={columns} rows={items} keyOf={(row) => row.name} />}
    </Loaded>
  );
}
