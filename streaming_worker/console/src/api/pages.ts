// Lists by cursor: each page is asked for when it is wanted, and only then.
import { useInfiniteQuery } from "@tanstack/react-query";

import { get } from "./client";
import type { QueryValues } from "./queries";

interface Page<T> {
  items: T[];
  next_cursor: string | null;
  total: number | null;
  as_of: string;
}

export interface Pages<T> {
  items: readonly T[];
  total: number | null;
  error: unknown;
  isLoading: boolean;
  isBusy: boolean;
  hasMore: boolean;
  more: () => void;
  again: () => void;
}

export function usePages<T>(path: string, query: QueryValues, options: { everyMs?: number; enabled?: boolean; limit?: number } = {}): Pages<T> {
  const asked = useInfiniteQuery({
    queryKey: [path, "pages", query, options.limit],
    queryFn: ({ pageParam }) => get<Page<T>>(path, { ...query, limit: options.limit ?? 100, cursor: pageParam }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    enabled: options.enabled ?? true,
    ...(options.everyMs === undefined ? {} : { refetchInterval: options.everyMs }),
  });
  const pages = asked.data?.pages ?? [];
  return {
    items: pages.flatMap((page) => page.items),
    total: pages[0]?.total ?? null,
    error: asked.data === undefined ? asked.error : null,
    isLoading: asked.isPending && (options.enabled ?? true),
    isBusy: asked.isFetchingNextPage,
    hasMore: asked.hasNextPage,
    more: () => void asked.fetchNextPage(),
    again: () => void asked.refetch(),
  };
}
