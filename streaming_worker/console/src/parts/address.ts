// The address holds what is shown: filters, range, order, open row. Every view is a link.
import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";

export type Address = Readonly<Record<string, string>>;

export interface AddressDoor {
  values: Address;
  set: (change: Readonly<Record<string, string | null>>) => void;
}

export function useAddress(): AddressDoor {
  const [params, setParams] = useSearchParams();
  const values = useMemo(() => Object.fromEntries(params.entries()), [params]);
  const set = useCallback((change: Readonly<Record<string, string | null>>) => {
    setParams((old) => {
      const next = new URLSearchParams(old);
      for (const [name, value] of Object.entries(change)) {
        if (value === null || value === "") next.delete(name);
        else next.set(name, value);
      }
      return next;
    }, { replace: true });
  }, [setParams]);
  return { values, set };
}
