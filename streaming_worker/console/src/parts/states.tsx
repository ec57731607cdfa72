// What a panel shows when it has nothing to show yet, nothing at all, or something went wrong.
import { Button } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { ApiError } from "../api/client";
import { Ago } from "./values";

export function Loading({ rows = 4 }: { rows?: number }): ReactNode {
  return (
    <div className="stack tight" role="status" aria-label="loading">
      {Array.from({ length: rows }, (_, row) => <div key={row} className="skeleton" />)}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }): ReactNode {
  return (
    <div className="state-box">
      <strong>{title}</strong>
      {children === undefined ? null : <span>{children}</span>}
    </div>
  );
}

const ADVICE: Readonly<Record<string, string>> = {
  unreachable: "The page keeps what it has and tries again by itself.",
  forbidden: "Your role does not allow this; an administrator can change it.",
  rate_limited: "Too many requests from here; it goes on in a moment.",
};

export function Failed({ error, retry }: { error: unknown; retry?: () => void }): ReactNode {
  const known = error instanceof ApiError ? error : null;
  return (
    <div className="state-box bad" role="alert">
      <strong>{known?.message ?? "The page could not read the answer."}</strong>
      <span>{ADVICE[known?.code ?? ""] ?? "Try again; if it stays, give the request id to whoever looks after the platform."}</span>
      <span className="small">
        code <code>{known?.code ?? "page_error"}</code>
        <RequestId error={known} />
      </span>
      {retry === undefined ? null : <Button size="xs" variant="default" onClick={retry}>Try again</Button>}
    </div>
  );
}

function RequestId({ error }: { error: ApiError | null }): ReactNode {
  if (error === null || error.requestId === null) return null;
  return <>{" \u00b7 request "}<code className="break">{error.requestId}</code></>;
}

interface LoadedProps<T> {
  query: UseQueryResult<T>;
  rows?: number;
  children: (data: T) => ReactNode;
}

/** Loading, error or content; an error after a success keeps the old content, hatched, with its age. */
export function Loaded<T>({ query, rows, children }: LoadedProps<T>): ReactNode {
  if (query.data === undefined) {
    if (query.isError) return <Failed error={query.error} retry={() => void query.refetch()} />;
    return <Loading {...(rows === undefined ? {} : { rows })} />;
  }
  if (!query.isError) return children(query.data);
  return (
    <div className="stack tight">
      <p className="warn small" role="status">
        Not renewed for <Ago at={new Date(query.dataUpdatedAt).toISOString()} />: {query.error.message}
      </p>
      <div className="stale">{children(query.data)}</div>
    </div>
  );
}

interface PanelProps {
  title: string;
  note?: ReactNode;
  actions?: ReactNode;
  className?: string;
  children: ReactNode;
}

export function Panel({ title, note, actions, className, children }: PanelProps): ReactNode {
  return (
    <section className={`panel ${className ?? ""}`} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {actions ?? (note === undefined ? null : <span className="note">{note}</span>)}
      </header>
      {actions !== undefined && note !== undefined ? <span className="note">{note}</span> : null}
      {children}
    </section>
  );
}

export function Screen({ title, lead, actions, children }: { title: string; lead: string; actions?: ReactNode; children: ReactNode }): ReactNode {
  return (
    <>
      <div className="screen-head">
        <div>
          <h1>{title}</h1>
          <p>{lead}</p>
        </div>
        {actions}
      </div>
      {children}
    </>
  );
}
