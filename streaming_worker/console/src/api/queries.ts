// One cache of what the server said. Live topics replace polling where there are any.
import { QueryClient, useQuery, type UseQueryResult } from "@tanstack/react-query";

import { useLink, useLive } from "../live/store";
import { ApiError, get } from "./client";
import type { Status } from "./types";

export const cache = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: false,
      // what the caller did wrong does not become right by asking again
      retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      retryDelay: (count, error) =>
        error instanceof ApiError && error.retryAfterS !== null ? error.retryAfterS * 1_000 : 700 * 2 ** count,
    },
  },
});

export type QueryValues = Readonly<Record<string, string | number | boolean | null | undefined>>;

interface Options<T> {
  /** How often to ask again; a function decides it by what was answered, and false ends it. */
  everyMs?: number | ((data: T | undefined) => number | false);
  keep?: boolean;
  enabled?: boolean;
}

export function useGet<T>(path: string, query: QueryValues = {}, options: Options<T> = {}): UseQueryResult<T> {
  const { everyMs } = options;
  return useQuery<T>({
    queryKey: [path, query],
    queryFn: () => get<T>(path, query),
    enabled: options.enabled ?? true,
    ...(everyMs === undefined ? {} : { refetchInterval: typeof everyMs === "number" ? everyMs : (query) => everyMs(query.state.data) }),
    ...(options.keep === true ? { placeholderData: (before: unknown) => before as never } : {}),
  });
}

export interface StatusView {
  status: Status | undefined;
  isLive: boolean;
}

/** The platform's state: by the stream, and asked for while there is no stream. */
export function useStatus(): StatusView {
  const live = useLive<Status>("status");
  const link = useLink();
  const isLive = link.link === "live" && live !== undefined;
  const asked = useGet<Status>("/status", {}, { everyMs: isLive ? 60_000 : 5_000 });
  return { status: isLive ? live : (asked.data ?? live), isLive };
}
