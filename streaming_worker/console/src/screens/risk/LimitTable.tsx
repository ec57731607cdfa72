// Limits with their use; new values are tried on the last day before they are set.
import { Button, Modal, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { post } from "../../api/client";
import { cache } from "../../api/queries";
import { useMay } from "../../api/session";
import type { ControlResult, Limit, RiskPreview } from "../../api/types";
import { isDecimal, trimmed } from "../../format/decimal";
import { Empty, Failed } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { At, NOTHING } from "../../parts/values";
import { useSay } from "../../shell/toasts";

function Use({ limit }: { limit: Limit }): ReactNode {
  if (limit.used_percent === null) return NOTHING;
  const percent = Math.max(0, Math.min(100, Number(limit.used_percent)));
  const tone = percent >= 80 ? "bad" : percent >= 50 ? "warn" : "";
  return (
    <span className="row nowrap">
      <span className="bar-track use" aria-hidden="true"><span className={`bar-fill ${tone}`} style={{ width: `${percent}%` }} /></span>
      {trimmed(limit.used_percent, 1)} %
    </span>
  );
}

/** Values and their use to a hundredth at most; parts of a millisecond say nothing here. */
function amount(value: string, unit: string): string {
  return `${trimmed(value, unit === "ms" ? 0 : 2)} ${unit}`;
}

export function LimitTable({ limits }: { limits: readonly Limit[] }): ReactNode {
  const mayEdit = useMay("operator");
  const [edited, setEdited] = useState<Limit | null>(null);
  const columns: readonly Column<Limit>[] = [
    {
      id: "title", head: "Limit", wrap: true,
      cell: (limit) => <><span className="strong">{limit.title}</span><br /><span className="muted small">used: {limit.used_what ?? "not known"}</span></>,
    },
    {
      id: "value", head: "Value", num: true, title: "what it is now; pointed at, what it may be",
      cell: (limit) => (
        <span title={`from ${limit.least} to ${limit.greatest} ${limit.unit}`}>
          {amount(limit.value, limit.unit)}
          {limit.expires_at === null ? null : <span className="warn small"><br />until <At at={limit.expires_at} />, then {amount(limit.becomes ?? "0", limit.unit)}</span>}
        </span>
      ),
    },
    { id: "share", head: "Share of it", cell: (limit) => <Use limit={limit} /> },
    { id: "used", head: "Used", num: true, cell: (limit) => (limit.used === null ? NOTHING : amount(limit.used, limit.unit)) },
    { id: "headroom", head: "Headroom", num: true, cell: (limit) => (limit.headroom === null ? NOTHING : amount(limit.headroom, limit.unit)) },
    ...(mayEdit ? [{
      id: "edit", head: "Change",
      cell: (limit: Limit) => <Button size="compact-xs" variant="default" onClick={() => setEdited(limit)} aria-label={`Change ${limit.title}`}>Change{"\u2026"}</Button>,
    }] : []),
  ];
  if (limits.length === 0) return <Empty title="The worker does not answer, so its limits are not known." />;
  return (
    <>
      <Table caption="Limits" columns={columns} rows={limits} keyOf={(limit) => limit.name} />
      {edited === null ? null : <Edit key={edited.name} limit={edited} onClose={() => setEdited(null)} />}
    </>
  );
}

function Edit({ limit, onClose }: { limit: Limit; onClose: () => void }): ReactNode {
  const say = useSay();
  const [value, setValue] = useState(limit.value);
  const [reason, setReason] = useState("");
  const [minutes, setMinutes] = useState("");
  const limits = { [limit.name]: value };
  const preview = useMutation({ mutationFn: () => post<RiskPreview>("/risk/preview", { limits }) });
  const change = useMutation({
    mutationFn: () => post<ControlResult>("/controls/limits", { limits, reason: reason.trim(), ...(minutes === "" ? {} : { minutes: Number(minutes) }) }),
    onSuccess: (result) => {
      say.done(result.proposal === null || result.proposal === undefined ? `${limit.title} is now ${value} ${limit.unit}.` : "Asked for: a second person has to agree within an hour.");
      void cache.invalidateQueries({ queryKey: ["/risk/proposals"] });
      void cache.invalidateQueries({ queryKey: ["/risk"] });
      onClose();
    },
    onError: (error) => say.failed(error),
  });
  const isRight = isDecimal(value);
  // what was shown must be what is set
  const isSeen = preview.data?.is_allowed === true && preview.data.limits[0]?.after !== undefined && isRight;
  return (
    <Modal opened onClose={onClose} title={`Change: ${limit.title}`} closeButtonProps={{ "aria-label": "Close" }}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); if (isSeen && reason.trim().length >= 3 && isMinutes(minutes)) change.mutate(); else preview.mutate(); }}>
        <TextInput
          label={`New value, ${limit.unit}`} size="sm" inputMode="decimal" value={value} data-autofocus
          description={`from ${limit.least} to ${limit.greatest}; now ${limit.value}`}
          error={isRight ? null : "a decimal number"}
          onChange={(event) => { setValue(event.currentTarget.value); preview.reset(); }}
        />
        {preview.isError ? <Failed error={preview.error} /> : null}
        {preview.data === undefined ? <Button variant="default" disabled={!isRight} loading={preview.isPending} onClick={() => preview.mutate()}>Preview</Button> : <Preview preview={preview.data} title={limit.title} />}
        <TextInput label="For how many minutes" description="empty: for good; then it becomes again what it was" size="sm" inputMode="numeric" value={minutes}
          error={isMinutes(minutes) ? null : "a whole number from 1 to 10080"} onChange={(event) => setMinutes(event.currentTarget.value.trim())} />
        <Textarea label="Reason" description="at least three characters; it goes into the record" value={reason} maxLength={500}
          onChange={(event) => setReason(event.currentTarget.value)} required />
        <div className="row end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" disabled={!isSeen || reason.trim().length < 3 || !isMinutes(minutes)} loading={change.isPending}>{preview.data?.needs_approval === true ? "Ask for it" : "Set limit"}</Button>
        </div>
      </form>
    </Modal>
  );
}

function isMinutes(text: string): boolean {
  return text === "" || (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 10_080);
}

function Preview({ preview, title }: { preview: RiskPreview; title: string }): ReactNode {
  const { opportunities_before: before, opportunities_after: after } = preview;
  return (
    <div className="state-box" role="status">
      <strong>
        {preview.is_allowed
          ? `Over the last 24 hours it would have left ${after} of ${before} opportunities (${before - after >= 0 ? `${before - after} refused` : `${after - before} more`}).`
          : `Not allowed: ${preview.limits.find((line) => line.refusal !== null)?.refusal ?? "see the limits"}`}
      </strong>
      {preview.effects.map((effect) => (
        <span key={effect.name} className="small">{title}: {effect.count} of {effect.of} would have been {effect.effect}</span>
      ))}
      {preview.needs_approval ? <span className="warn">It is looser than now: a second person has to agree.</span> : null}
      {preview.would_kill ? <span className="loss">The loss of today is already beyond it: the system would be killed at once.</span> : null}
      {preview.warnings.map((warning) => <span key={warning} className="warn">{warning}</span>)}
    </div>
  );
}
