// The address holds what is shown: filters, range, order, open row. Every view is a link.
import { useCallback, useMemo } from "react";
import { useLocation, useSearchParams } from "react-router";

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

const SHARED = ["range", "from", "to", "venue", "pair", "direction", "instrument", "pool", "min_net"];

/** A link to the rows behind a number: on the same screen with all its filters, on another with those that both know. */
export function useLinkTo(): (path: string, change?: Address) => string {
  const { pathname } = useLocation();
  const { values } = useAddress();
  return useCallback((path, change = {}) => {
    const kept = Object.entries(values).filter(([name]) => path === pathname || SHARED.includes(name));
    return `${path}?${new URLSearchParams({ ...Object.fromEntries(kept), ...change }).toString()}`;
  }, [pathname, values]);
}
