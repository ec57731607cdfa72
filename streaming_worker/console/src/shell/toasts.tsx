// Short words after a command; alarms have their own place.
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";

import { ApiError } from "../api/client";

interface Toast {
  id: number;
  text: string;
  isBad: boolean;
}

interface Say {
  done: (text: string) => void;
  failed: (error: unknown) => void;
}

const SayContext = createContext<Say>({ done: () => undefined, failed: () => undefined });

export function useSay(): Say {
  return useContext(SayContext);
}

const SHOWN_MS = 7_000;
let next = 0;

export function Toasts({ children }: { children: ReactNode }): ReactNode {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const add = useCallback((text: string, isBad: boolean) => {
    next += 1;
    const id = next;
    setToasts((old) => [...old.slice(-3), { id, text, isBad }]);
    setTimeout(() => setToasts((old) => old.filter((toast) => toast.id !== id)), SHOWN_MS);
  }, []);
  const say = useMemo<Say>(() => ({
    done: (text) => add(text, false),
    failed: (error) => {
      const request = error instanceof ApiError && error.requestId !== null ? ` (request ${error.requestId})` : "";
      add((error instanceof Error ? error.message : "it did not work") + request, true);
    },
  }), [add]);
  return (
    <SayContext value={say}>
      {children}
      <div className="toasts" role="status">
        {toasts.map((toast) => (
          <div key={toast.id} className={toast.isBad ? "toast bad" : "toast"}>{toast.text}</div>
        ))}
      </div>
    </SayContext>
  );
}
