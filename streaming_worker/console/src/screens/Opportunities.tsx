// What the market offers now, what it offered, and what was refused and why.
import { SegmentedControl } from "@mantine/core";
import type { ReactNode } from "react";

import { type Address, useAddress } from "../parts/address";
import { Screen } from "../parts/states";
import { ClosedView } from "./opportunities/ClosedView";
import { Detail } from "./opportunities/Detail";
import { LiveView } from "./opportunities/LiveView";
import { RefusedView } from "./opportunities/RefusedView";

const VIEWS = [
  { value: "live", label: "Open now" },
  { value: "closed", label: "Closed" },
  { value: "refused", label: "Refused" },
];

function viewOf(values: Address): string {
  if (values["view"] !== undefined) return values["view"];
  return Object.keys(values).some((name) => name !== "id") ? "closed" : "live";
}

export default function Opportunities(): ReactNode {
  const address = useAddress();
  const view = viewOf(address.values);
  return (
    <Screen
      title="Opportunities"
      lead="Net of every cost, with the age of each leg. Open ones change ten times a second; closed ones are graded by what a real trader could have kept."
      actions={<SegmentedControl size="xs" aria-label="View" data={VIEWS} value={view} onChange={(value) => address.set({ view: value, id: null })} />}
    >
      {view === "live" ? <LiveView address={address} /> : null}
      {view === "closed" ? <ClosedView address={address} /> : null}
      {view === "refused" ? <RefusedView address={address} /> : null}
      <Detail id={address.values["id"] ?? null} onClose={() => address.set({ id: null })} />
    </Screen>
  );
}
