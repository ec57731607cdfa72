// Looser limits that one person asked for wait here for another.
import { Button, Modal, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { post } from "../../api/client";
import { cache, useGet } from "../../api/queries";
import { useMay, useSession } from "../../api/session";
import type { LimitProposal, ProposalPage } from "../../api/types";
import { plain } from "../../format/words";
import { Loaded, Panel } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { At, NOTHING, State } from "../../parts/values";
import { useSay } from "../../shell/toasts";

interface Decision {
  proposal: LimitProposal;
  verb: "approve" | "reject";
}

function wanted(proposal: LimitProposal): string {
  const limits = Object.entries(proposal.limits).map(([name, value]) => `${plain(name)} ${value}`).join(", ");
  return proposal.minutes === null ? limits : `${limits}, for ${proposal.minutes} min`;
}

export function Proposals(): ReactNode {
  const proposals = useGet<ProposalPage>("/risk/proposals", {}, { everyMs: 15_000 });
  const mayControl = useMay("operator");
  const { username } = useSession();
  const [decision, setDecision] = useState<Decision | null>(null);
  const columns: readonly Column<LimitProposal>[] = [
    { id: "at", head: "Asked", cell: (row) => <At at={row.asked_at} date /> },
    { id: "actor", head: "Who", cell: (row) => row.actor },
    { id: "limits", head: "Wants", wrap: true, cell: wanted },
    { id: "reason", head: "Why", wrap: true, cell: (row) => row.reason },
    { id: "status", head: "Status", cell: (row) => <State state={row.status === "approved" ? "accepted" : row.status} /> },
    { id: "by", head: "Decided by", cell: (row) => row.decided_by ?? NOTHING },
    ...(mayControl ? [{
      id: "decide", head: "Decide",
      cell: (row: LimitProposal) => row.status !== "waiting" ? NOTHING : (
        <span className="row nowrap">
          {row.actor === username ? <span className="muted small">needs somebody else</span>
            : <Button size="compact-xs" onClick={() => setDecision({ proposal: row, verb: "approve" })}>Agree{"\u2026"}</Button>}
          <Button size="compact-xs" variant="default" onClick={() => setDecision({ proposal: row, verb: "reject" })}>{row.actor === username ? "Take back" : "Refuse"}{"\u2026"}</Button>
        </span>
      ),
    }] : []),
  ];
  return (
    <Loaded query={proposals} rows={1}>
      {({ items }) => items.length === 0 ? null : (
        <Panel title="Looser limits asked for" note="each needs the agreement of a second person within an hour">
          <Table caption="Proposals of looser limits" columns={columns} rows={items} short keyOf={(row) => row.proposal_id} />
          {decision === null ? null : <Decide key={decision.proposal.proposal_id} decision={decision} onClose={() => setDecision(null)} />}
        </Panel>
      )}
    </Loaded>
  );
}

function Decide({ decision: { proposal, verb }, onClose }: { decision: Decision; onClose: () => void }): ReactNode {
  const say = useSay();
  const [reason, setReason] = useState("");
  const decide = useMutation({
    mutationFn: () => post(`/controls/proposals/${proposal.proposal_id}/${verb}`, { reason: reason.trim() }),
    onSuccess: () => {
      say.done(verb === "approve" ? "Agreed: the limits are in force." : "Refused: nothing was changed.");
      void cache.invalidateQueries({ queryKey: ["/risk"] });
      void cache.invalidateQueries({ queryKey: ["/risk/proposals"] });
      onClose();
    },
    onError: (error) => say.failed(error),
  });
  const isReady = reason.trim().length >= 3;
  return (
    <Modal opened onClose={onClose} title={verb === "approve" ? "Agree to looser limits" : "Refuse"} closeButtonProps={{ "aria-label": "Close" }}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); if (isReady) decide.mutate(); }}>
        <p>{proposal.actor} wants {wanted(proposal)}, because: {proposal.reason}</p>
        <Textarea label="Reason" description="at least three characters; it goes into the record" value={reason} data-autofocus required
          onChange={(event) => setReason(event.currentTarget.value)} maxLength={500} />
        <div className="row end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" disabled={!isReady} loading={decide.isPending}>{verb === "approve" ? "Agree" : "Refuse"}</Button>
        </div>
      </form>
    </Modal>
  );
}
