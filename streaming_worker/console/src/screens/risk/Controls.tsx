// Engaging is one click and a reason; releasing takes a second, deliberate step.
import { Button, Checkbox, Modal, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { post } from "../../api/client";
import { cache } from "../../api/queries";
import { useMay } from "../../api/session";
import type { ControlResult, Risk } from "../../api/types";
import { Panel } from "../../parts/states";
import { useSay } from "../../shell/toasts";

type Action = "pause" | "resume" | "kill";

const WORDS: Readonly<Record<Action, { title: string; does: string; button: string; colour: string }>> = {
  pause: { title: "Pause", does: "Stops new simulated trades until somebody resumes. Watching and recording go on.", button: "Pause now", colour: "pink" },
  kill: { title: "Kill", does: "As a pause, and stays until it is resumed by hand, even over a new day.", button: "Kill now", colour: "pink" },
  resume: { title: "Resume", does: "Allows simulated trades again.", button: "Resume now", colour: "lime" },
};

export function Controls({ state }: { state: Risk["state"] }): ReactNode {
  const mayControl = useMay("operator");
  const [action, setAction] = useState<Action | null>(null);
  if (!mayControl) {
    return <Panel title="Controls"><p className="muted">Your role sees everything here and changes nothing. Operators may pause and resume.</p></Panel>;
  }
  const isActive = state === "active";
  return (
    <Panel title="Controls" note="each use is recorded with who, when and why">
      <div className="row">
        {isActive ? <Button size="sm" color="pink" data-key="pause" onClick={() => setAction("pause")}>Pause{"\u2026"}</Button>
          : <Button size="sm" data-key="pause" onClick={() => setAction("resume")}>Resume{"\u2026"}</Button>}
        {state === "killed" ? null : <Button size="sm" variant="outline" color="pink" onClick={() => setAction("kill")}>Kill{"\u2026"}</Button>}
        <LiveTrading />
      </div>
      {action === null ? null : <Command key={action} action={action} onClose={() => setAction(null)} />}
    </Panel>
  );
}

function Command({ action, onClose }: { action: Action; onClose: () => void }): ReactNode {
  const words = WORDS[action];
  const say = useSay();
  const [reason, setReason] = useState("");
  const [isSure, setSure] = useState(action !== "resume");
  const command = useMutation({
    mutationFn: () => post<ControlResult>(`/controls/${action}`, { reason: reason.trim() }),
    onSuccess: (result) => {
      say.done(result.is_confirmed ? `Done: the state is ${result.state ?? "unknown"}.` : "Sent, but not confirmed yet by the engine.");
      void cache.invalidateQueries({ queryKey: ["/risk"] });
      void cache.invalidateQueries({ queryKey: ["/status"] });
      onClose();
    },
    onError: (error) => say.failed(error),
  });
  const isReady = reason.trim().length >= 3 && isSure;
  return (
    <Modal opened onClose={onClose} title={words.title} closeButtonProps={{ "aria-label": "Close" }}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); if (isReady) command.mutate(); }}>
        <p>{words.does}</p>
        <Textarea label="Reason" description="at least three characters; it goes into the record" value={reason} data-autofocus required
          onChange={(event) => setReason(event.currentTarget.value)} maxLength={500} />
        {action === "resume" ? (
          <Checkbox label="The cause is gone; I have looked." checked={isSure} onChange={(event) => setSure(event.currentTarget.checked)} />
        ) : null}
        <div className="row end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button type="submit" color={words.colour} disabled={!isReady} loading={command.isPending}>{words.button}</Button>
        </div>
      </form>
    </Modal>
  );
}

function LiveTrading(): ReactNode {
  const say = useSay();
  const ask = useMutation({ mutationFn: () => post("/controls/live-trading"), onError: (error) => say.failed(error) });
  return <Button size="sm" variant="subtle" onClick={() => ask.mutate()}>Why no live trading?</Button>;
}
