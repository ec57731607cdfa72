// Own preferences for everybody; users, keys of others and channels for administrators.
import { NativeSelect, SegmentedControl } from "@mantine/core";
import type { ReactNode } from "react";

import { useMay, useSession } from "../api/session";
import type { Numbers } from "../format/decimal";
import { stamp, type Zone, ZONES } from "../format/time";
import { Panel, Screen } from "../parts/states";
import { useNow } from "../parts/values";
import { type Density, type Theme, usePreferences } from "../shell/preferences";
import { About } from "./settings/About";
import { Channels } from "./settings/Channels";
import { Fees } from "./settings/Fees";
import { Keys } from "./settings/Keys";
import { Rules } from "./settings/Rules";
import { Password, Sessions } from "./settings/Sessions";
import { Users } from "./settings/Users";

export default function Settings(): ReactNode {
  const isAdmin = useMay("admin");
  return (
    <Screen title="Settings" lead="Your own choices follow you to every computer. What the platform reckons with is shown here; administrators keep users, channels and fees.">
      <div className="cells">
        <Panel className="w6" title="You"><Profile /></Panel>
        <Panel className="w6" title="Your password"><Password /></Panel>
        <Panel title="Sessions" note="each login that still holds"><Sessions /></Panel>
        <Panel title="API keys" note="for programs; shown once, never more than your role allows"><Keys /></Panel>
        {isAdmin ? <Panel title="Users and roles"><Users /></Panel> : null}
        <Panel title="Fee schedules" note="what the engine reckons with, from when until when"><Fees /></Panel>
        <Panel title="Alert rules" note="made from an opportunity; told through the alert channels"><Rules /></Panel>
        {isAdmin ? <Panel className="w6" title="Alert channels"><Channels /></Panel> : null}
        <Panel className="w6" title="About"><About /></Panel>
      </div>
    </Screen>
  );
}

const THEMES: { value: Theme; label: string }[] = [
  { value: "lime", label: "Dark lime" }, { value: "contrast", label: "High contrast" }, { value: "light", label: "Light" },
];
const NUMBERS: { value: Numbers; label: string }[] = [
  { value: "point", label: "1,234.56" }, { value: "comma", label: "1.234,56" }, { value: "space", label: "1\u202f234,56" },
];
const DENSITIES: { value: Density; label: string }[] = [{ value: "comfortable", label: "Comfortable" }, { value: "compact", label: "Compact" }];

function Profile(): ReactNode {
  const { username, role } = useSession();
  const { zone, theme, density, numbers, change } = usePreferences();
  const now = useNow();
  return (
    <div className="stack">
      <p>Signed in as <strong>{username}</strong>, role <strong>{role}</strong></p>
      <NativeSelect
        label="Times are shown in" size="sm" value={zone} data={ZONES.map(({ value, label }) => ({ value, label }))}
        description={`now: ${stamp(new Date(now), zone)}`} onChange={(event) => change({ zone: event.currentTarget.value as Zone })}
      />
      <div className="stack tight">
        <span id="theme-label">Theme</span>
        <SegmentedControl aria-labelledby="theme-label" data={THEMES} value={theme} onChange={(value) => change({ theme: value as Theme })} />
      </div>
      <div className="stack tight">
        <span id="numbers-label">Numbers</span>
        <SegmentedControl aria-labelledby="numbers-label" data={NUMBERS} value={numbers} onChange={(value) => change({ numbers: value as Numbers })} />
      </div>
      <div className="stack tight">
        <span id="density-label">Density of tables</span>
        <SegmentedControl aria-labelledby="density-label" data={DENSITIES} value={density} onChange={(value) => change({ density: value as Density })} />
      </div>
    </div>
  );
}
