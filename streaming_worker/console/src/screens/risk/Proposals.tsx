// Looser limits that one person asked for wait here for another.
import { Button, Modal, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { post } from "../../api/client";
import { cache, useGet } from "../../api/queries";
import { useMay, useSession } from "../../api/session";
import type { Limit, LimitProposal, ProposalPage } from "../../api/types";
import { trimmed } from "../../format/decimal";
import { plain } from "../../format/words";
import { Loaded, Panel } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { At, NOTHING, State } from "../../parts/values";
import { useSay } from "../../shell/toasts";

interface Decision {
  proposal: LimitProposal;
  verb: "approve" | "reject";
}

/** In the words of the table of limits, with what each is now. */
function wanted(proposal: LimitProposal, limits: readonly Limit[]): string {
  const parts = Object.entries(proposal.limits).map(([name, value]) => {
    const known = limits.find((limit) => limit.name === name);
    if (known === undefined) return `${plain(name)}: ${value}`;
    return `${known.title}: ${trimmed(value, 2)} ${known.unit}${proposal.status === "waiting" ? ` instead of ${trimmed(known.value, 2)}` : ""}`;
  });
  return parts.join("; ") + (proposal.minutes === null ? "" : `, for ${proposal.minutes} min`);
}

export function Proposals({ limits }: { limits: readonly Limit[] }): ReactNode {
  const proposals = useGet<ProposalPage>("/risk/proposals", {}, { everyMs: 15_000 });
  const mayControl = useMay("operator");
  const { username } = useSession();
  const [decision, setDecision] = useState<Decision | null>(null);
  const columns: readonly Column<LimitProposal>[] = [
    { id: "limits", head: "Wants", wrap: true, cell: (row) => wanted(row, limits) },
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
    { id: "status", head: "Status", cell: (row) => <State state={row.status === "approved" ? "accepted" : row.status} /> },
    { id: "actor", head: "Who", cell: (row) => row.actor },
    { id: "reason", head: "Why", wrap: true, cell: (row) => row.reason },
    { id: "at", head: "Asked", cell: (row) => <At at={row.asked_at} date /> },
    { id: "by", head: "Decided by", cell: (row) => row.decided_by ?? NOTHING },
  ];
  return (
    <Loaded query={proposals} rows={1}>
      {({ items }) => items.length === 0 ? null : (
        <Panel title="Looser limits asked for" note="each needs the agreement of a second person within an hour">
          <Table caption="Proposals of looser limits" columns={columns} rows={items} short keyOf={(row) => row.proposal_id} />
          {decision === null ? null : <Decide key={decision.proposal.proposal_id} decision={decision} limits={limits} onClose={() => setDecision(null)} />}
        </Panel>
      )}
    </Loaded>
  );
}

function Decide({ decision: { proposal, verb }, limits, onClose }: { decision: Decision; limits: readonly Limit[]; onClose: () => void }): ReactNode {
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
        <dl className="pairs">
          <dt>Who asks</dt><dd className="strong">{proposal.actor}, <At at={proposal.asked_at} date /></dd>
          <dt>Wants</dt><dd className="strong">{wanted(proposal, limits)}</dd>
          <dt>Because</dt><dd>{proposal.reason}</dd>
        </dl>
        {verb === "approve" ? <p className="warn">It holds from the moment you agree{proposal.minutes === null ? ", until somebody changes it again" : ""}; both names go into the record.</p> : null}
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
