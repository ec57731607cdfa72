import type { ReactNode } from "react";

import { useGet } from "../../api/queries";
import type { About as Made, Version } from "../../api/types";
import { Loaded } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { NOTHING } from "../../parts/values";

type Package = Made["packages"][number];

/** What is built into this page; the build fills it in from the lock file. */
declare const PACKAGES: readonly Package[];

const COLUMNS: readonly Column<Package>[] = [
  { id: "name", head: "Package", cell: (row) => row.name },
  { id: "version", head: "Version", cell: (row) => <span className="mono">{row.version}</span> },
  { id: "licence", head: "Licence", wrap: true, cell: (row) => row.licence },
];
const SHOWN_OF_HASH = 16;

/** Which version of what runs, under which settings, and whose work it stands on. */
export function About(): ReactNode {
  const version = useGet<Version>("/version");
  const about = useGet<Made>("/about");
  return (
    <div className="stack">
      <Loaded query={version}>
        {(release) => (
          <dl className="pairs">
            {Object.entries(release).map(([name, value]) => (
              <div key={name} style={{ display: "contents" }}><dt>{name.replaceAll("_", " ")}</dt><dd className="mono">{String(value)}</dd></div>
            ))}
            <dt>settings</dt>
            <dd className="mono" title={about.data?.settings_hash ?? undefined}>{about.data?.settings_hash?.slice(0, SHOWN_OF_HASH) ?? NOTHING}</dd>
            <dt>trading</dt><dd>none: no code places an order</dd>
          </dl>
        )}
      </Loaded>
      <Loaded query={about}>
        {({ packages }) => (
          <>
            <Packages name="Python packages" rows={packages} />
            <Packages name="Packages in this page" rows={PACKAGES} />
          </>
        )}
      </Loaded>
    </div>
  );
}

function Packages({ name, rows }: { name: string; rows: readonly Package[] }): ReactNode {
  return (
    <details>
      <summary>{name} and their licences ({rows.length})</summary>
      <Table caption={name} columns={COLUMNS} rows={rows} short keyOf={(row) => `${row.name} ${row.version}`} />
    </details>
  );
}
