import { Button, PasswordInput, TextInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";

import { ApiError, post } from "../api/client";
import type { LoggedIn, Me } from "../api/types";

interface Props {
  hasExpired: boolean;
  onEntered: (me: Me) => void;
}

function wordsFor(error: unknown): string {
  if (!(error instanceof ApiError)) return "The page could not send the form.";
  if (error.status === 429 && error.retryAfterS !== null) return `Too many attempts. Try again in ${error.retryAfterS} s.`;
  return error.message;
}

export function Login({ hasExpired, onEntered }: Props): ReactNode {
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);

  async function enter(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    try {
      const answer = await post<LoggedIn>("/auth/login", { username: form.get("username"), password: form.get("password") });
      onEntered(answer.me);
    } catch (cause) {
      setError(wordsFor(cause));
      setBusy(false);
    }
  }

  return (
    <main className="login">
      <form className="panel" onSubmit={(event) => void enter(event)} aria-labelledby="login-title">
        <div className="row">
          <img src="/icon.svg" alt="" width="36" height="36" />
          <div>
            <h1 id="login-title">arb console</h1>
            <span className="mode">OBSERVE_ONLY</span>
          </div>
        </div>
        <p className="muted">Watches prices, records everything, never trades.</p>
        {hasExpired ? <p className="warn" role="status">The session has ended. Sign in again to go on where you were.</p> : null}
        <TextInput name="username" label="User name" size="sm" autoComplete="username" autoFocus required />
        <PasswordInput name="password" label="Password" size="sm" autoComplete="current-password" required />
        {error === null ? null : <p className="loss" role="alert">{error}</p>}
        <Button type="submit" size="sm" loading={isBusy}>Sign in</Button>
        <p className="muted small">The demo prints a one-time login in the terminal where it was started.</p>
      </form>
    </main>
  );
}
