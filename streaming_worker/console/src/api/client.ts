// The one door to the API. Cookies carry who we are; unsafe methods repeat the CSRF token that only our page can read.

export const BASE = "/api/v1";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string | null,
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

interface ErrorBody {
  error?: { code?: string; message?: string; request_id?: string };
}

type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

export function queryText(query: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") params.set(name, String(value));
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

function csrfToken(): string | null {
  const found = document.cookie.split("; ").find((pair) => /csrf/i.test(pair.split("=", 1)[0] ?? ""));
  return found === undefined ? null : decodeURIComponent(found.slice(found.indexOf("=") + 1));
}

/** The CSRF cookie comes and goes with the login. */
export function hasSession(): boolean {
  return csrfToken() !== null;
}

function headersOf(method: string, body: unknown): Headers {
  const headers = new Headers({ accept: "application/json" });
  if (body !== undefined) headers.set("content-type", "application/json");
  const token = csrfToken();
  if (method !== "GET" && token !== null) headers.set("x-csrf-token", token);
  return headers;
}

async function send(method: string, path: string, body: unknown): Promise<Response> {
  try {
    return await fetch(BASE + path, {
      method,
      headers: headersOf(method, body),
      body: body === undefined ? null : JSON.stringify(body),
      credentials: "same-origin",
      // a change that was made is sent also where its page is left at once
      keepalive: method !== "GET",
      signal: AbortSignal.timeout(20_000),
    });
  } catch (cause) {
    const late = cause instanceof DOMException && cause.name === "TimeoutError";
    throw new ApiError(0, late ? "timeout" : "unreachable", late ? "no answer within 20 s" : "the API does not answer", null);
  }
}

async function failure(response: Response): Promise<ApiError> {
  let body: ErrorBody = {};
  try {
    body = (await response.json()) as ErrorBody;
  } catch {
    // a proxy's own page: the status says what there is to say
  }
  const after = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new ApiError(
    response.status,
    body.error?.code ?? `http_${response.status}`,
    body.error?.message ?? `the API answered with status ${response.status}`,
    body.error?.request_id ?? response.headers.get("x-request-id"),
    Number.isFinite(after) ? after : null,
  );
}

let refreshing: Promise<boolean> | null = null;

// One refresh for everyone who finds the access token expired: a refresh token is good once.
function refresh(): Promise<boolean> {
  refreshing ??= send("POST", "/auth/refresh", {})
    .then((response) => response.ok)
    .catch(() => false)
    .finally(() => {
      refreshing = null;
    });
  return refreshing;
}

const signedOut = new Set<() => void>();

/** Call back when the session is over and only a new login helps. */
export function onSignedOut(callback: () => void): () => void {
  signedOut.add(callback);
  return () => signedOut.delete(callback);
}

const OPEN_PATHS = new Set(["/auth/login", "/auth/refresh"]);

async function request(method: string, path: string, body?: unknown): Promise<Response> {
  let response = await send(method, path, body);
  if (response.status === 401 && !OPEN_PATHS.has(path)) {
    if (await refresh()) response = await send(method, path, body);
    if (response.status === 401) signedOut.forEach((callback) => callback());
  }
  if (!response.ok) throw await failure(response);
  return response;
}

async function json<T>(response: Response): Promise<T> {
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export async function get<T>(path: string, query: Query = {}): Promise<T> {
  return json<T>(await request("GET", path + queryText(query)));
}

export async function post<T>(path: string, body: unknown = {}): Promise<T> {
  return json<T>(await request("POST", path, body));
}

export async function put<T>(path: string, body: unknown): Promise<T> {
  return json<T>(await request("PUT", path, body));
}

export async function patch<T>(path: string, body: unknown): Promise<T> {
  return json<T>(await request("PATCH", path, body));
}

/** Take something away; the answer is what is left. */
export async function takeAway<T>(path: string): Promise<T> {
  return json<T>(await request("DELETE", path));
}

export async function remove(path: string): Promise<void> {
  await request("DELETE", path);
}

/** Renew the session before the live stream dials again; a socket cannot do it itself. */
export const renewSession = refresh;
